"""One read of the Linux I²C interface: write a register number, read three bytes, with a repeated start."""

import ctypes
import fcntl

_I2C_RDWR, _READ = 0x0707, 0x0001


class _Message(ctypes.Structure):
    _fields_ = (
        ("addr", ctypes.c_uint16),
        ("flags", ctypes.c_uint16),
        ("len", ctypes.c_uint16),
        ("buf", ctypes.POINTER(ctypes.c_uint8)),
    )


class _Transfer(ctypes.Structure):
    _fields_ = (("msgs", ctypes.POINTER(_Message)), ("nmsgs", ctypes.c_uint32))


def read_word(bus: int, register: int, address: int = 0x5A) -> bytes:
    """Low byte, high byte and packet error code. Raises OSError where nobody answers."""
    wanted, answer = (ctypes.c_uint8 * 1)(register), (ctypes.c_uint8 * 3)()
    messages = (_Message * 2)(
        _Message(address, 0, 1, wanted),
        _Message(address, _READ, 3, answer),
    )
    fcntl.ioctl(bus, _I2C_RDWR, _Transfer(messages, 2))
    return bytes(answer)
