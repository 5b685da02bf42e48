#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""pymodbus_server.py PORT: a Modbus TCP server on loopback, of another library than ours.
Lines on standard input: set UNIT coil|discrete|input|holding ADDRESS VALUE... ; ends with it."""
import asyncio
import sys

from pymodbus.datastore import (ModbusServerContext, ModbusSlaveContext,
                                ModbusSparseDataBlock)
from pymodbus.server import StartAsyncTcpServer

TABLES = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}


def slave():
    # An address is one more in the block, by whoever it is read or written.
    blocks = {k: ModbusSparseDataBlock({n: 0 for n in range(1, 0x901)})
              for k in ("di", "co", "hr", "ir")}
    return ModbusSlaveContext(**blocks)


def obey(context, line):
    words = line.split()
    if len(words) >= 5 and words[0] == "set" and words[2] in TABLES:
        context[int(words[1])].setValues(TABLES[words[2]], int(words[3], 0),
                                         [int(w, 0) for w in words[4:]])
    elif words:
        print(f"what? {line!r}", file=sys.stderr, flush=True)


async def main(port):
    context = ModbusServerContext(slaves={n: slave() for n in range(1, 11)}, single=False)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    server = asyncio.create_task(StartAsyncTcpServer(context=context,
                                                     address=("127.0.0.1", port)))
    while line := await reader.readline():
        obey(context, line.decode())
    server.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
