JUMP_DOWN: float
__pyx_capi__: dict[str, object]
