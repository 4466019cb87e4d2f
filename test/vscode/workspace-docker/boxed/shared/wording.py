def worded(greeting: str, name: str) -> str:
    words = f"{greeting}, {name}!"
    return words
