"""Translation between OpenAI's chat completions and Anthropic's messages: text and functions, nothing else.

What the other dialect cannot say is refused by name (`table`), never dropped.
docs/spec/translation.md prints that table.
"""
