import { describe, expect, test } from 'vitest'
import { NetweirError } from '../../src/errors.ts'
import type { RecordSink } from '../../src/flow/lines.ts'
import type { SplitterOptions } from '../../src/flow/records.ts'
import { createRecordSplitter } from '../../src/flow/records.ts'
import { flowLine } from '../support/flows.ts'

const utf8 = new TextEncoder()
const text = new TextDecoder()

/** What a splitter said: `line offset text` for a record, `line outcome` for a bad one. */
function collector(): { readonly events: string[]; readonly sink: RecordSink } {
  const events: string[] = []
  const sink: RecordSink = {
    record: (bytes, place) => events.push(`${place.line} ${place.offset} ${text.decode(bytes)}`),
    bad: (outcome, place) => events.push(`${place.line} ${outcome}`),
  }
  return { events, sink }
}

function split(input: string | Uint8Array, chunkBytes = 65_536, options?: SplitterOptions) {
  const bytes = typeof input === 'string' ? utf8.encode(input) : input
  const { events, sink } = collector()
  const splitter = createRecordSplitter(sink, options)
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    splitter.push(bytes.slice(start, start + chunkBytes), start)
  }
  splitter.end()
  return events
}

/** Records without their places. */
function records(input: string): string[] {
  return split(input).map((event) => event.replace(/^\d+ (?:\d+ )?/, ''))
}

const shapes: readonly (readonly [name: string, input: string, expected: readonly string[]])[] = [
  ['one line', '{"a":1}\n', ['1 0 {"a":1}']],
  ['lines', '{"a":1}\n{"b":2}\n', ['1 0 {"a":1}', '2 8 {"b":2}']],
  ['no line feed at the end', '{"a":1}\n{"b":2}', ['1 0 {"a":1}', '2 8 {"b":2}']],
  ['a single line without line feed', '{"a":1}', ['1 0 {"a":1}']],
  ['carriage returns', '{"a":1}\r\n{"b":2}\r\n', ['1 0 {"a":1}', '2 9 {"b":2}']],
  ['blank lines', '\n \n{"a":1}\n\n\t\n{"b":2}\n\n', ['3 3 {"a":1}', '6 14 {"b":2}']],
  ['a byte order mark', '\ufeff{"a":1}\n{"b":2}\n', ['1 3 {"a":1}', '2 11 {"b":2}']],
  ['blanks round records', ' {"a":1} \n\t{"b":2}\n', ['1 1 {"a":1}', '2 10 {"b":2}']],
  ['a cut last line', '{"a":1}\n{"b":', ['1 0 {"a":1}', '2 truncated']],
  ['a cut only line', '{"a":', ['1 truncated']],
  [
    'a line of text between',
    '{"a":1}\nhello\n{"b":2}\n',
    ['1 0 {"a":1}', '2 malformed', '3 14 {"b":2}'],
  ],
  [
    'a line of text before',
    'level=info\n{"a":1}\n{"b":2}\n',
    ['1 malformed', '2 11 {"a":1}', '3 19 {"b":2}'],
  ],
  [
    'a broken line between',
    '{"a":1}\n{"b":\n{"c":3}\n',
    ['1 0 {"a":1}', '2 8 {"b":', '3 14 {"c":3}'],
  ],
  [
    'a broken first line',
    '{"a":\n{"b":2}\n{"c":3}\n',
    ['1 malformed', '2 6 {"b":2}', '3 14 {"c":3}'],
  ],
  [
    'a first line cut in a text',
    '{"a":"x\n{"b":2}\n{"c":3}\n',
    ['1 malformed', '2 8 {"b":2}', '3 16 {"c":3}'],
  ],
  [
    'brackets and quotes in texts',
    '{"a":"}\\"]{[\\\\"}\n{"b":2}\n',
    ['1 0 {"a":"}\\"]{[\\\\"}', '2 17 {"b":2}'],
  ],
  ['a text as a record', '"{}"\n{"b":2}\n', ['1 0 "{}"', '2 5 {"b":2}']],
  [
    'two records on the first line',
    '{"a":1}{"b":2}\n{"c":3}\n',
    ['1 0 {"a":1}', '1 7 {"b":2}', '2 15 {"c":3}'],
  ],
  [
    'pretty-printed',
    '{\n  "a": 1\n}\n{\n  "b": {\n    "c": 2\n  }\n}\n',
    ['1 0 {\n  "a": 1\n}', '4 13 {\n  "b": {\n    "c": 2\n  }\n}'],
  ],
  [
    'pretty-printed with a record that does not close',
    '{\n  "a": 1\n}\n{\n  "b": 2\n{\n  "c": 3\n}\n',
    ['1 0 {\n  "a": 1\n}', '4 malformed', '6 24 {\n  "c": 3\n}'],
  ],
  ['pretty-printed and cut', '{\n  "a": 1\n}\n{\n  "b"', ['1 0 {\n  "a": 1\n}', '4 truncated']],
  ['an array on one line', '[{"a":1},{"b":[2,3]}]\n', ['1 1 {"a":1}', '1 9 {"b":[2,3]}']],
  [
    'an array over lines',
    '[\n  {"a":1},\n  {\n    "b": 2\n  }\n]\n',
    ['2 4 {"a":1}', '3 15 {\n    "b": 2\n  }'],
  ],
  ['an empty array', '[]\n', []],
  [
    'an array with scalars',
    '[1, "x", null, {"a":1}]',
    ['1 1 1', '1 4 "x"', '1 9 null', '1 15 {"a":1}'],
  ],
  ['an array of arrays', '[[1],[{"a":1}]]', ['1 1 [1]', '1 5 [{"a":1}]']],
  ['a cut array', '[{"a":1},{"b"', ['1 1 {"a":1}', '1 truncated']],
  ['an array that lacks its end', '[{"a":1},', ['1 1 {"a":1}', '1 truncated']],
  [
    'an array with a broken element',
    '[\n  {"a":1},\n  {"b":"x\n  {"c":3}\n]\n',
    ['2 4 {"a":1}', '3 malformed', '4 25 {"c":3}'],
  ],
  ['two arrays', '[{"a":1}]\n[{"b":2}]\n', ['1 1 {"a":1}', '2 11 {"b":2}']],
]

describe('shapes of input', () => {
  test.each(shapes)('%s', (_, input, expected) => {
    expect(split(input)).toEqual(expected)
  })

  test.each(shapes)('%s, cut into chunks of any size', (_, input, expected) => {
    for (let size = 1; size <= input.length; size++) {
      expect(split(input, size), `chunks of ${size}`).toEqual(expected)
    }
  })
})

describe('containers', () => {
  const loki = JSON.stringify({
    status: 'success',
    data: {
      resultType: 'streams',
      result: [
        {
          stream: { pod: 'x' },
          values: [
            ['1', '{"a":1}'],
            ['2', '{"b":2}'],
          ],
        },
        { stream: {}, values: [['3', '{"c":3}']] },
      ],
      stats: { values: [1, 2], ingester: {} },
    },
  })
  const elastic = JSON.stringify({
    took: 3,
    hits: { total: { value: 2 }, hits: [{ _source: { a: 1 } }, { _source: { b: 2 } }] },
  })
  const push = JSON.stringify({ streams: [{ stream: {}, values: [['1', '{"a":1}']] }] })

  test.each([
    ['Loki', loki, ['["1","{\\"a\\":1}"]', '["2","{\\"b\\":2}"]', '["3","{\\"c\\":3}"]']],
    ['Loki, pretty-printed', JSON.stringify(JSON.parse(loki), null, 2), 3],
    ['Loki push', push, ['["1","{\\"a\\":1}"]']],
    ['Elasticsearch', elastic, ['{"_source":{"a":1}}', '{"_source":{"b":2}}']],
    ['two answers', `${loki}\n${elastic}\n`, 5],
    ['an answer without records', '{"data":{"resultType":"streams","result":[]}}', 1],
  ])('%s', (_, input, expected) => {
    const found = records(input)
    if (typeof expected === 'number') expect(found).toHaveLength(expected)
    else expect(found).toEqual(expected)
  })

  test('an array of any length needs no more memory than its elements', () => {
    const { events, sink } = collector()
    const splitter = createRecordSplitter(sink, { maxRecordBytes: 1000 })
    const element = utf8.encode(`{"a":"${'x'.repeat(500)}"},`)
    splitter.push(utf8.encode('['), 0)
    for (let index = 0; index < 2000; index++) splitter.push(element, 1 + index * element.length)
    splitter.push(utf8.encode('1]'), 1 + 2000 * element.length)
    splitter.end()
    expect(events).toHaveLength(2001)
    expect(events.some((event) => event.endsWith('too-long'))).toBe(false)
  })
})

describe('container runtime logs', () => {
  const at = '2026-02-24T08:43:37.094123456Z'

  test.each([
    ['whole lines', `${at} stdout F {"a":1}\n${at} stderr F {"b":2}\n`, ['{"a":1}', '{"b":2}']],
    ['parts', `${at} stdout P {"a":\n${at} stdout P [1,\n${at} stdout F 2]}\n`, ['{"a":[1,2]}']],
    [
      'parts of two streams',
      `${at} stdout P {"a"\n${at} stderr P {"b"\n${at} stdout F :1}\n${at} stderr F :2}\n`,
      ['{"a":1}', '{"b":2}'],
    ],
    [
      'a part without an end',
      `${at} stdout F {"a":1}\n${at} stdout P {"b"\n`,
      ['{"a":1}', 'truncated'],
    ],
    ['a cut last line', `${at} stdout F {"a":1}\n${at} stdout F {"b"`, ['{"a":1}', 'truncated']],
    ['a whole last line', `${at} stdout F {"a":1}\n${at} stdout F {"b":2}`, ['{"a":1}', '{"b":2}']],
    ['a last line that ends parts', `${at} stdout P {"a"\n${at} stdout F :1}`, ['{"a":1}']],
    [
      'log lines of an agent',
      `${at} stdout F level=info msg="x"\n${at} stdout F {"a":1}\n`,
      ['malformed', '{"a":1}'],
    ],
    ['tags', `${at} stdout F:x {"a":1}\n`, ['{"a":1}']],
    ['an offset for the time', '2026-02-24T08:43:37.094+01:00 stdout F {"a":1}\n', ['{"a":1}']],
    ['empty lines', `${at} stdout F \n${at} stdout F {"a":1}\n`, ['{"a":1}']],
    [
      'a part that is too long',
      `${at} stdout P ${'x'.repeat(900)}\n${at} stdout F ${'x'.repeat(900)}\n{"a":1}\n`,
      ['too-long', '{"a":1}'],
    ],
  ])('%s', (_, input, expected) => {
    for (const size of [1, 7, 64, 10_000]) {
      const found = split(input, size, { maxRecordBytes: 1000 })
      expect(found.map((event) => event.replace(/^\d+ (?:\d+ )?/, ''))).toEqual(expected)
    }
  })

  test('a record of several parts stands where its first part does', () => {
    expect(split(`{"z":0}\n${at} stdout P {"a"\n${at} stdout F :1}\n`)[1]).toBe('2 8 {"a":1}')
  })
})

describe('limits', () => {
  test.each([
    ['a line', 80, '{"a":1}\n', '"}\n{"b":2}\n', '{"x":"'],
    ['the first line', 18, '', '"}\n{"b":2}\n', '{"x":"'],
    ['an element', 18, '[{"a":1},', '"},{"b":2}]', '{"x":"'],
    ['a line of text', 80, '{"a":1}\n', '\n{"b":2}\n', 'x'],
    ['the first line, of text', 80, '', '\n{"b":2}\n', 'x'],
  ])('%s of %i MB is dropped while it is read', (_, megabytes, before, after, start) => {
    const { events, sink } = collector()
    const splitter = createRecordSplitter(sink)
    const chunk = utf8.encode('x'.repeat(1024 * 1024))
    let offset = 0
    const push = (bytes: Uint8Array): void => {
      splitter.push(bytes, offset)
      offset += bytes.length
    }
    push(utf8.encode(before + start))
    for (let index = 0; index < megabytes; index++) push(chunk)
    push(utf8.encode(after))
    splitter.end()
    const expected = before === '' ? ['too-long', '{"b":2}'] : ['{"a":1}', 'too-long', '{"b":2}']
    expect(events.map((event) => event.replace(/^\d+ (?:\d+ )?/, ''))).toEqual(expected)
  })

  test.each([
    ['at the limit', 100, '{"a":'],
    ['above the limit', 101, 'too-long'],
  ])('a record %s', (_, bytes, expected) => {
    const record = `{"a":"${'x'.repeat(bytes - 8)}"}`
    expect(record).toHaveLength(bytes)
    for (const input of [`${record}\n{"b":2}\n`, `{"z":0}\n${record}\n{"b":2}\n`]) {
      const found = split(input, 7, { maxRecordBytes: 100 })
      expect(found.at(-2)).toContain(expected)
      expect(found.at(-1)).toContain('{"b":2}')
    }
  })

  test('a record that is too long and never ends is too long, not truncated', () => {
    expect(split(`{"a":1}\n{"b":"${'x'.repeat(200)}`, 50, { maxRecordBytes: 100 })).toEqual([
      '1 0 {"a":1}',
      '2 too-long',
    ])
  })

  test.each([
    ['on one line', ''],
    ['after a record', '{"a":1}\n'],
    ['in an array', '[\n{"a":1},\n'],
  ])('200,000 brackets %s neither crash nor hang', (_, before) => {
    for (const brackets of ['['.repeat(200_000), '{"a":'.repeat(200_000), '}]'.repeat(100_000)]) {
      const found = split(`${before}${brackets}\n{"b":2}\n`)
      expect(found.length).toBeGreaterThan(0)
      expect(found.length).toBeLessThan(10)
    }
  })

  test('an element nested deeper than 100 is malformed, and the next is read', () => {
    const deep = `${'['.repeat(150)}${']'.repeat(150)}`
    expect(split(`[{"a":1},${deep},{"b":2}]`)).toEqual([
      '1 1 {"a":1}',
      '1 malformed',
      `1 310 {"b":2}`,
    ])
  })

  test('a communication set may be longer than a record', () => {
    const set = `{"apiVersion":"netweir/v1","kind":"CommunicationSet","x":"${'x'.repeat(500)}"}`
    const limits = { maxRecordBytes: 100, maxDocumentBytes: 1000 }
    for (const size of [1, 90, 10_000]) {
      expect(split(`${set}\n`, size, limits)).toEqual([`1 0 ${set}`])
      expect(split(`{"a":1}\n${set}\n`, size, limits)).toEqual(['1 0 {"a":1}', `2 8 ${set}`])
    }
    expect(split(`${set}\n`, 10, { ...limits, maxDocumentBytes: 400 })).toEqual(['1 too-long'])
  })
})

describe('the end of a source that is known to be cut', () => {
  test.each([
    ['between records', '{"a":1}\n', ['1 0 {"a":1}', '2 truncated']],
    ['inside a record', '{"a":1}\n{"b"', ['1 0 {"a":1}', '2 truncated']],
    ['before the first record', '', ['1 truncated']],
    ['inside a pretty-printed record', '{\n"a":1\n}\n{\n', ['1 0 {\n"a":1\n}', '4 truncated']],
  ])('%s is one truncated record', (_, input, expected) => {
    const { events, sink } = collector()
    const splitter = createRecordSplitter(sink)
    splitter.push(utf8.encode(input), 0)
    splitter.end({ isCut: true })
    expect(events).toEqual(expected)
  })
})

describe('what is not flows is refused', () => {
  test.each([
    [
      'compact text',
      'Jun 12 09:14:01.104: shop/web:1 (ID:5) -> shop/api:8080 (ID:6) to-endpoint FORWARDED (TCP Flags: SYN)\n',
      'hubble observe',
    ],
    [
      'compact text in colour',
      '\u001b[32mJun 12 09:14:01.104\u001b[0m: a/b:1 -> c/d:2 to-overlay \u001b[32mFORWARDED\u001b[0m\n',
      'hubble observe',
    ],
    [
      'compact text without line feed',
      'Jun 12 09:14:01.104: a/b:1 <- c/d:2 policy-verdict:none DROPPED',
      'hubble observe',
    ],
    ['dictionary text', '  TIMESTAMP: Jun 12 09:14:01.104\n     SOURCE: a/b:1\n', 'hubble observe'],
    [
      'table text',
      'TIMESTAMP             SOURCE        DESTINATION   TYPE   VERDICT   SUMMARY\n',
      'hubble observe',
    ],
    ['table text with nodes', 'TIMESTAMP   NODE   SOURCE\n', 'hubble observe'],
    ['a manifest', 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n', '--existing'],
    ['a manifest after a comment', '# policies\n---\nkind: List\n', '--existing'],
    ['a page', '<!DOCTYPE html>\n<html></html>\n', 'hubble observe'],
    ['a page on one line', '<html><body>Login</body></html>', 'hubble observe'],
    ['CSV', 'time,source,destination,port\n', 'hubble observe'],
    ['binary', '\u0000\u0001\u0002', 'hubble observe'],
    [
      'text after a banner',
      'Handling connection\nJun 12 09:14:01.104: a/b:1 -> c/d:2 x FORWARDED (UDP)\n',
      'hubble observe',
    ],
  ])('%s', (_, input, hint) => {
    for (const size of [1, 13, 10_000]) {
      let error: unknown
      try {
        split(input, size, { source: 'flows.txt' })
      } catch (thrown) {
        error = thrown
      }
      expect(error).toBeInstanceOf(NetweirError)
      expect(error).toMatchObject({ code: 'NOT_FLOWS', location: { file: 'flows.txt' } })
      expect((error as NetweirError).hint).toContain(hint)
    }
  })

  test('UTF-16 is named', () => {
    const bytes = new Uint8Array([0xff, 0xfe, 0x7b, 0, 0x7d, 0])
    expect(() => split(bytes)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('UTF-16') }),
    )
  })

  test.each([
    ['after a record', `{"a":1}\nJun 12 09:14:01.104: a/b:1 -> c/d:2 x FORWARDED\n`],
    [
      'log lines of an agent',
      'time="2026-02-24T08:43:37Z" level=info msg="a, b, c"\nlevel=warning msg=x\n',
    ],
    ['a banner', 'Defaulted container "cilium-agent" out of: cilium-agent, config (init)\n'],
  ])('%s it is only counted', (_, input) => {
    expect(split(input).some((event) => event.endsWith('malformed'))).toBe(true)
  })
})

test('flow lines come out as they went in, whatever the chunks', () => {
  const line = flowLine({
    from: { ns: 'shop', app: 'wéb' },
    to: { ns: 'shop', app: 'api' },
    port: 80,
  })
  const input = utf8.encode(`${line}\n${line}\n`)
  const expected = [`1 0 ${line}`, `2 ${utf8.encode(line).length + 1} ${line}`]
  for (let size = 1; size <= input.length; size++) expect(split(input, size)).toEqual(expected)
})
