"""Words that mean nearly the same in everyday English: the little the fake knows of synonyms.

A real model understands that a refund is about money; a fake that only counts shared words would
look worse than any model on questions in other words than the text's. The list is short, general,
and made by us; it is used for picking sentences from passages and for nothing else.
"""

from __future__ import annotations

from tailorbird.text import stem

_GROUPS = """
answer reply
ask request
claim report
bag backpack rucksack pack
big large size
break broken damage wreck
buy bought purchase order
car vehicle
coat jacket
cost price charge fee pay payment postage
crash accident
deliver delivery ship shipping send mail
discount coupon cheap
end close finish
exchange swap
fast quick rush
hour open
find locate
job work
kid child children
late delay wait
lose lost
new replacement
own account
package parcel
phone call ring number
photo picture image
refund money
repair fix mend
shop store
small little
spend spent
start begin open
support help
voucher card
"""

_LIGHT = """
also back come far fast get give go going good got know let like long look make mani many much need
new often pleas see soon take tell thing use want way
"""


def synonyms() -> dict[str, frozenset[str]]:
    """Give, for each stem that has any, the stems that mean nearly the same."""
    found: dict[str, frozenset[str]] = {}
    for line in _GROUPS.split("\n"):
        group = frozenset(map(stem, line.split()))
        for word in group:
            found[word] = found.get(word, frozenset()) | group
    return found


def light_stems() -> frozenset[str]:
    """Give the stems that say little about what a question is about."""
    return frozenset(map(stem, _LIGHT.split()))
