"""A door on loopback that forwards plain TCP to a TLS server there: `door.py FROM_PORT TO_PORT AUTHORITY.pem`."""

import asyncio
import ssl
import sys


async def forward(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main(from_port, to_port, authority):
    trust = ssl.create_default_context(cafile=authority)

    async def enter(reader, writer):
        try:
            inner_reader, inner_writer = await asyncio.open_connection("localhost", to_port, ssl=trust)
        except OSError:
            writer.close()  # the server isn't up yet, or not any more
            return
        await asyncio.gather(forward(reader, inner_writer), forward(inner_reader, writer))

    server = await asyncio.start_server(enter, "127.0.0.1", from_port)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
