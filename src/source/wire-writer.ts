/** Fields of protobuf messages that are sent: few and small, so each is a buffer of its own. */

/** Returns a field of wire type 0. The number is a whole one; below zero it is written as 64-bit two's complement. */
export function numberField(field: number, value: number): Buffer {
  return Buffer.concat([varint(BigInt(field) * 8n), varint(BigInt.asUintN(64, BigInt(value)))])
}

/** Returns a field of wire type 2: a text, or a message. */
export function bytesField(field: number, value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([varint(BigInt(field) * 8n + 2n), varint(BigInt(bytes.length)), bytes])
}

function varint(value: bigint): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}
