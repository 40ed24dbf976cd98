"""What the stand-in says in a posting log: message class and number with a text; marked where the text is ours."""

from __future__ import annotations

KNOWN_TEXTS = {
    # class, number and text as in a reply captured from a real system and published (2020)
    ("RW", "609"): "Error in document: {reference}",
    ("F5", "507"): "G/L account {account} is not defined in chart of accounts {chart}",
}

INVENTED_TEXTS = {
    # The numbers are from memory, the wording is ours. Never match on a text: it is for a person to read.
    ("RW", "605"): "Document posted successfully: {reference}",
    ("RW", "614"): "Document check - no errors: {reference}",
    ("F5", "702"): "Balance in transaction currency is not zero: {balance} {currency}",
    ("F5", "201"): "Posting period {period} {year} is not open",
    ("F5", "165"): "Company code {company} does not exist",
    ("F5", "263"): "The difference is too large for clearing: amount {amount} has more decimals than {currency}",
    ("F5", "351"): "Account {account} is blocked for posting",
    ("F5", "353"): "Account {account} in company code {company} can only be posted automatically",
    ("F5", "083"): "You have no authorization to post in company code {company}",
    ("F5", "117"): "A document needs at least two line items",
    ("F5", "055"): "Debit/credit indicator {indicator} does not fit the sign of the amount {amount}",
    ("F5", "042"): "Company code {company} is locked by user {user}; try again",
    ("BKPFF", "001"): "The text of an invented warning: account {account} is about to be closed",
}


def say(message_class: str, number: str, **parameters: object) -> tuple[str, str]:
    """(TypeID as in a log, sentence)."""
    text = KNOWN_TEXTS.get((message_class, number)) or INVENTED_TEXTS[(message_class, number)]
    return f"{number}({message_class})", text.format(**parameters)
