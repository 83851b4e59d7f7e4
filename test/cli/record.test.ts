import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { createFakeIo } from '../support/fake-io.ts'

let directory = ''

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'netweir-record-cli-'))
})

afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

const line = (uuid: string, second: number, node = 'a'): string =>
  JSON.stringify({
    flow: { uuid, time: `2026-03-02T09:00:${String(second).padStart(2, '0')}Z`, l4: {} },
    node_name: node,
  })

async function record(stdin: string, ...flags: readonly string[]) {
  const io = createFakeIo({ stdin })
  const code = await main(['record', '-', '--out', join(directory, 'f.jsonl'), ...flags], io)
  return { code, out: io.out, err: io.err.replaceAll(directory, 'DIR') }
}

describe('netweir record', () => {
  test('says what it recorded, on standard error', async () => {
    expect(await record(`${line('1', 1)}\n${line('2', 2)}\n`)).toEqual({
      code: 0,
      out: '',
      err: 'recorded 2 records to DIR/f.jsonl\n',
    })
    expect(readFileSync(join(directory, 'f.jsonl'), 'utf8')).toBe(
      `${line('1', 1)}\n${line('2', 2)}\n`,
    )
  })

  test('says where it went on, and what is missing', async () => {
    await record(`${line('1', 1)}\n${line('2', 2, 'b')}\n`)
    const { code, err } = await record(`${line('1', 1)}\n${line('3', 3)}\n${line('4', 9, 'b')}\n`)
    expect(code).toBe(0)
    expect(err).toBe(
      [
        'went on behind 2026-03-02T09:00:02Z; 1 record came again and stood there already',
        'warning: not recorded from 2026-03-02T09:00:02Z to 2026-03-02T09:00:09Z: b no longer had it',
        'recorded 2 records to DIR/f.jsonl\n',
      ].join('\n'),
    )
  })

  test('ends with 3 under --strict-completeness where something is missing, and keeps what there is', async () => {
    await record(`${line('1', 1)}\n`)
    const { code, err } = await record(`${line('2', 5)}\n`, '--strict-completeness')
    expect(code).toBe(3)
    expect(err).toContain(
      'error[SOURCE_LOST]: a: not recorded from 2026-03-02T09:00:01Z to 2026-03-02T09:00:05Z',
    )
    expect(readFileSync(join(directory, 'f.jsonl'), 'utf8')).toContain(line('2', 5))
  })

  test('puts files aside, and removes old ones', async () => {
    const text = Array.from(
      { length: 30 },
      (_, index) => `${line(`${index}${'x'.repeat(200_000)}`, index)}\n`,
    )
    const { code, err } = await record(text.join(''), '--rotate-size', '1MB', '--keep', '1')
    expect(code).toBe(0)
    expect(err).toMatch(/^put aside \d files, removed \d older\nrecorded 30 records/)
  })

  test.each([
    [['--out', 'flows.txt'], '--out must end in .jsonl, .ndjson, .json or .log'],
    [['--out', ''], '--out must not be empty'],
    [['--rotate-size', '0'], '--rotate-size must be a size such as 100MB or 1GiB, is "0"'],
    [['--rotate-size', '12 parsecs'], '--rotate-size must be a size'],
    [['--keep', '3'], '--keep is for --rotate-size, which is missing'],
    [['--rotate-size', '1MB', '--keep', '0'], '--keep must be a number of files'],
    [['--for', 'ever'], '--for must be a duration'],
    [['--allow-partial'], 'unknown flag "--allow-partial"'],
  ])('refuses %j', async (flags, message) => {
    const { code, err } = await record('', ...flags)
    expect(code).toBe(2)
    expect(err).toContain(`error[USAGE]: ${message}`)
  })

  test('refuses to record to nowhere, and from a file', async () => {
    const io = createFakeIo()
    expect(await main(['record', '-'], io)).toBe(2)
    expect(io.err).toContain('--out is missing: a recording needs a place')
    const other = createFakeIo()
    expect(await main(['record', 'flows.jsonl', '--out', join(directory, 'x.jsonl')], other)).toBe(
      2,
    )
    expect(other.err).toContain('"flows.jsonl" is no live source')
  })
})
