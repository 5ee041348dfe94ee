ROOM: int
