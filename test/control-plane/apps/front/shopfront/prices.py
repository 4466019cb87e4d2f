def price() -> int:
    return 12
