"""How a rule comes into force: previewed, signed by two, published, decided for everybody, carried to gates."""
