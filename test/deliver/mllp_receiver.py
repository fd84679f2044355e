"""An HL7 receiver of another house (Debian's python3-hl7): answers each message with the next word of its line.

AA, AE, AR, AR:200 acknowledge; wrong answers about another message; hang says nothing; cut ends the connection after the
message; garbage answers without a frame. The last word repeats. What was read goes to stdout, one JSON a line.
"""

import asyncio
import json
import ssl
import sys

import hl7
from hl7.mllp import start_hl7_server

ANSWERS = sys.argv[1].split(",")
taken = 0


def say(**words):
    print(json.dumps(words), flush=True)


def ack(message, word):
    code, _, error = word.partition(":")
    answer = message.create_ack(code)
    if error:
        answer.append(hl7.parse(f"MSH|^~\\&|\rERR||MSH^1^9|{error}^not taken|E").segment("ERR"))
    return answer


async def converse(reader, writer):
    global taken
    try:
        while not writer.is_closing():
            message = await reader.readmessage()
            word = ANSWERS[min(taken, len(ANSWERS) - 1)]
            taken += 1
            say(
                answered=word,
                controlId=str(message["MSH.10"]),
                names=[str(segment[0]) for segment in message],
                obx=[str(segment[5]) for segment in message.segments("OBX")],
                status=sorted({str(segment[11]) for segment in message.segments("OBX")}),
                patient=str(message.segment("PID")[5]),
                text=str(message),
            )
            if word == "hang":
                continue
            if word == "cut":
                writer.close()
            elif word == "garbage":
                writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                await writer.drain()
            elif word == "wrong":
                other = message.create_ack("AA")
                other.segment("MSA")[2] = "ANOTHER"
                writer.writemessage(other)
                await writer.drain()
            else:
                writer.writemessage(ack(message, word))
                await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, hl7.mllp.InvalidBlockError):
        pass
    finally:
        writer.close()


async def main():
    context = None
    if len(sys.argv) > 3:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
    server = await start_hl7_server(converse, host="127.0.0.1", port=0, encoding="utf-8", ssl=context)
    say(port=server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()


asyncio.run(main())
