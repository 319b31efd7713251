"""Between the openai SDK and this package's own types; serves OpenAI and Azure alike."""
