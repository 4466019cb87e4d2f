def add(one: int, other: int) -> int:
    return one + other


print(add(1, 2))
