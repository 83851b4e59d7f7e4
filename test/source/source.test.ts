import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import type { OpenSource, Piece, SourceHost } from '../../src/source/source.ts'
import { isLiveSource, openSource } from '../../src/source/source.ts'

const dir = mkdtempSync(join(tmpdir(), 'netweir-source-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const never = new AbortController().signal

function host(stdin = ''): SourceHost {
  return { stdin: input(stdin), closed: never, aborted: never }
}

async function* input(text: string): AsyncGenerator<Uint8Array> {
  if (text !== '') yield Buffer.from(text)
}

async function piecesOf(source: OpenSource): Promise<readonly Piece[]> {
  const pieces: Piece[] = []
  for await (const batch of source.pieces) {
    pieces.push(...batch.map((piece) => ({ ...piece, bytes: Uint8Array.from(piece.bytes) })))
  }
  return pieces
}

test.each([
  ['hubble://localhost:4245', true],
  ['hubbles://relay', true],
  ['unix:/var/run/cilium/hubble.sock', true],
  ['kafka://a,b/flows', true],
  ['-', false],
  ['hubble', false],
  ['./hubble://x', false],
  ['https://example.org/flows.jsonl', false],
  ['flows.jsonl', false],
])('%s is live: %s', (name, expected) => {
  expect(isLiveSource(name)).toBe(expected)
})

describe('a recorded source', () => {
  test('is text, file by file, each with its end, and complete', async () => {
    writeFileSync(join(dir, 'events-2026-01-01T00-00-00.log'), 'one\n')
    writeFileSync(join(dir, 'events.log'), 'two\n')
    writeFileSync(join(dir, 'notes.txt'), '')
    const source = await openSource(dir, {}, host())
    const pieces = await piecesOf(source)
    const texts = pieces.map(({ bytes, place, end }) => [
      Buffer.from(bytes).toString(),
      place.source.slice(dir.length + 1),
      place.offset,
      end,
    ])
    const [old, current] = ['events-2026-01-01T00-00-00.log', 'events.log']
    expect(texts).toEqual([
      ['one\n', old, 0, undefined],
      ['', old, 4, 'whole'],
      ['two\n', current, 0, undefined],
      ['', current, 4, 'whole'],
    ])
    expect(pieces.every(({ encoding }) => encoding === 'text')).toBe(true)
    expect(source.completeness()).toEqual({ stopped: [], missing: [] })
    expect(source.progress()).toEqual({ source: join(dir, current!), bytes: 4, totalBytes: 4 })
    expect(source.notices()).toEqual([
      { message: `passed over ${join(dir, 'notes.txt')}`, location: { file: dir } },
    ])
  })

  test('says where compressed data was cut', async () => {
    const file = join(dir, 'cut.gz')
    const packed = gzipSync(Buffer.from('{"a":1}\n'.repeat(100)))
    writeFileSync(file, packed.subarray(0, packed.length - 10))
    const source = await openSource(file, {}, host())
    expect((await piecesOf(source)).at(-1)).toMatchObject({ end: 'cut' })
    expect(source.notices()).toMatchObject([{ location: { file } }])
  })

  test('is standard input for -', async () => {
    const source = await openSource('-', {}, host('x'))
    expect((await piecesOf(source)).map(({ place }) => place.source)).toEqual(['-', '-'])
  })

  test('reads on when the window closes, and gives up when it is aborted', async () => {
    const closed = { ...host('x'), closed: AbortSignal.abort() }
    expect(await piecesOf(await openSource('-', {}, closed))).toHaveLength(2)
    const aborted = { ...host('x'), aborted: AbortSignal.abort() }
    await expect(openSource('-', {}, aborted).then(piecesOf)).rejects.toMatchObject({
      code: 'INTERRUPTED',
    })
  })
})

test('a source is opened by its scheme, with nobody at its address', async () => {
  await expect(openSource('kafka://127.0.0.1:1/b', {}, host())).rejects.toMatchObject({
    code: 'SOURCE_LOST',
  })
  await expect(openSource('kafka://a', {}, host())).rejects.toMatchObject({ code: 'USAGE' })
})
