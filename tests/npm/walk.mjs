// The npm package `openai`, used as its documentation shows, against a served fake.
//
//     node walk.mjs FOLDER URL KEY
//
// FOLDER holds node_modules. What came of each step is printed as one JSON object.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';

const [folder, baseURL, apiKey] = process.argv.slice(2);
const { OpenAI, toFile, NotFoundError } = createRequire(path.join(path.resolve(folder), 'x.js'))('openai');

const model = 'gpt-4.1-mini-2025-04-14';
const embedding = 'text-embedding-3-small';
const client = new OpenAI({ baseURL, apiKey });
const found = {};

// Files and a job with its events.
const rows = Array.from({ length: 12 }, (_, n) => ({
  messages: [
    { role: 'user', content: `What stands on shelf ${n}?` },
    { role: 'assistant', content: `Shelf ${n} holds item ${n * 7}.` },
  ],
}));
const local = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'walk-')), 'train.jsonl');
fs.writeFileSync(local, rows.map((row) => JSON.stringify(row)).join('\n'));
const file = await client.files.create({ file: fs.createReadStream(local), purpose: 'fine-tune' });
found.file = [file.filename, (await (await client.files.content(file.id)).text()).split('\n').length];
let job = await client.fineTuning.jobs.create({
  model,
  training_file: file.id,
  method: { type: 'supervised', supervised: { hyperparameters: { n_epochs: 2 } } },
});
const events = new Set();
while (!['succeeded', 'failed', 'cancelled'].includes(job.status)) {
  job = await client.fineTuning.jobs.retrieve(job.id);
  for await (const event of client.fineTuning.jobs.listEvents(job.id)) events.add(event.id);
}
found.job = [job.status, events.size > 2];

// Chat: plain, streamed, and as a form.
const messages = [{ role: 'user', content: 'What stands on shelf 3?' }];
const plain = await client.chat.completions.create({ model: job.fine_tuned_model, messages });
found.plain = plain.choices[0].message.content;
const stream = await client.chat.completions.create({
  model: job.fine_tuned_model,
  messages,
  stream: true,
  stream_options: { include_usage: true },
});
let streamed = '';
let usage = 0;
for await (const chunk of stream) {
  streamed += chunk.choices[0]?.delta?.content ?? '';
  usage = chunk.usage?.total_tokens ?? usage;
}
found.streamed = [streamed, usage > 0];
const schema = {
  type: 'object',
  properties: { shelf: { type: 'integer' } },
  required: ['shelf'],
  additionalProperties: false,
};
const form = await client.chat.completions.parse({
  model,
  messages,
  response_format: { type: 'json_schema', json_schema: { name: 'shelf', strict: true, schema } },
});
found.form = Object.keys(JSON.parse(form.choices[0].message.content));
const response = await client.responses.create({ model, input: 'Hello?', store: false });
found.response = response.output_text.length > 0;

// Embeddings.
const vectors = await client.embeddings.create({ model: embedding, input: ['One.', 'Two.'] });
found.vectors = vectors.data.map((one) => one.embedding.length);

// Vector stores.
const store = await client.vectorStores.create({ name: 'handbook' });
const text = await toFile(Buffer.from('The library opens at nine.'), 'handbook.txt');
await client.vectorStores.files.uploadAndPoll(store.id, text, { pollIntervalMs: 10 });
const hits = await client.vectorStores.search(store.id, { query: 'When does the library open?' });
found.hits = hits.data.map((one) => one.filename);

// Errors have their classes.
found.error = await client.files.retrieve('file-none').then(
  () => 'none',
  (error) => [error instanceof NotFoundError, error.status],
);
console.log(JSON.stringify(found));
