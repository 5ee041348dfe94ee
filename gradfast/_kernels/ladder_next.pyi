JUMP_DOWN: float
