import { describe, expect, test } from 'vitest'
import { NetweirError } from '../../src/errors.ts'
import { maxYamlLength, readManifests } from '../../src/policy/manifest.ts'

const pod = 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  namespace: shop\n'

/** The error that reading a text throws, shortened to what a message shows. */
function failureOf(text: string): {
  readonly code: string
  readonly message: string
  readonly places: readonly string[]
  readonly hint: string | undefined
} {
  try {
    readManifests(text, 'f.yaml')
  } catch (error) {
    if (!(error instanceof NetweirError)) throw error
    const places = error.problems.map(
      ({ message, location: { file, line, column } }) => `${file}:${line}:${column}: ${message}`,
    )
    expect(error.location).toEqual(error.problems[0]?.location)
    return { code: error.code, message: error.message, places, hint: error.hint }
  }
  throw new Error('nothing was thrown')
}

describe('what is read', () => {
  test('the documents of a stream, empty ones left out but counted', () => {
    const text = `${pod}---\n# nothing\n---\n{apiVersion: v1, kind: Service, metadata: {name: api}}\n`
    const found = readManifests(text, 'all.yaml')
    expect(found.map(({ value: _value, locate: _locate, ...rest }) => rest)).toEqual([
      { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'web', document: 1 },
      { apiVersion: 'v1', kind: 'Service', namespace: '', name: 'api', document: 3 },
    ])
  })

  test.each([
    ['nothing', ''],
    ['comments', '# none\n---\n---\n'],
    ['an empty list', 'apiVersion: v1\nkind: List\nitems: []\n'],
    ['a list without items', '{"apiVersion":"v1","kind":"PodList","items":null}'],
    ['a list with null', 'apiVersion: v1\nkind: List\nitems:\n'],
  ])('%s is no object', (_name, text) => {
    expect(readManifests(text, 'f')).toEqual([])
  })

  test.each([
    ['JSON', '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"}}'],
    [
      'JSON after a byte order mark',
      '\ufeff{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"}}',
    ],
    ['YAML in braces', '{apiVersion: v1, kind: Pod, metadata: {name: web}} # no JSON'],
    ['Windows line ends', 'apiVersion: v1\r\nkind: Pod\r\nmetadata:\r\n  name: web\r\n'],
    ['merge keys', 'x: &x {kind: Pod}\napiVersion: v1\n<<: *x\nmetadata: {name: web}'],
    ['an alias', 'x: &n web\napiVersion: v1\nkind: Pod\nmetadata: {name: *n}'],
  ])('%s', (_name, text) => {
    const [found] = readManifests(text, 'f')
    expect([found?.apiVersion, found?.kind, found?.name]).toEqual(['v1', 'Pod', 'web'])
  })

  test('lists in lists, items with the kind that their list implies', () => {
    const text = JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: [
        { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } },
        {
          apiVersion: 'networking.k8s.io/v1',
          kind: 'NetworkPolicyList',
          items: [{ metadata: { name: 'b', namespace: 'shop' } }],
        },
        { apiVersion: 'example.com/v1', kind: 'AllowList', metadata: { name: 'c' } },
      ],
    })
    const found = readManifests(text, 'f')
    expect(found.map(({ apiVersion, kind, name }) => `${apiVersion} ${kind} ${name}`)).toEqual([
      'v1 Pod a',
      'networking.k8s.io/v1 NetworkPolicy b',
      'example.com/v1 AllowList c',
    ])
  })

  test.each([
    [
      'YAML',
      'apiVersion: v1\nkind: Pod\nmetadata:\n  labels:\n    __proto__: x\n    constructor: y\n',
    ],
    [
      'JSON',
      '{"apiVersion":"v1","kind":"Pod","metadata":{"labels":{"__proto__":"x","constructor":"y"}}}',
    ],
  ])('members named like those of objects survive: %s', (_name, text) => {
    const value = readManifests(text, 'f')[0]?.value as { metadata: { labels: object } }
    const { labels } = value.metadata
    expect(Object.entries(labels)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ])
    expect(Object.getPrototypeOf(labels)).toBe(Object.prototype)
  })

  test('words that kubectl reads as booleans are booleans, keys are text', () => {
    const text = `${pod}x: [yes, On, no, OFF, y, "yes", true]\n1: {on: 2}\n`
    expect(readManifests(text, 'f')[0]?.value).toMatchObject({
      x: [true, true, false, false, 'y', 'yes', true],
      '1': { on: 2 },
    })
  })
})

describe('places', () => {
  const yaml = `# first
${pod}---
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Pod
    metadata: &meta
      name: a
    spec:
      containers:
        - name: c
          ports:
            - containerPort: 80
    empty:
  - apiVersion: v1
    kind: Pod
    metadata: *meta
`
  const [, first, second] = readManifests(yaml, 'f.yaml')

  test.each<[readonly (string | number)[], number, number]>([
    [[], 11, 5],
    [['kind'], 12, 11],
    [['spec', 'containers', 0], 17, 11],
    [['spec', 'containers', 0, 'ports', 0, 'containerPort'], 19, 30],
    [['spec', 'containers', 1], 17, 9],
    [['spec', 'nothing', 'at', 'all'], 16, 7],
    [['kind', 'below', 'a', 'scalar'], 12, 11],
  ])('YAML %j', (path, line, column) => {
    expect(first?.locate(path)).toEqual({ file: 'f.yaml', line, column, document: 2 })
  })

  test('YAML: the part that an alias stands for is where its anchor is', () => {
    expect(second?.locate(['metadata'])).toMatchObject({ line: 23, column: 15 })
    expect(second?.locate(['metadata', 'name'])).toMatchObject({ line: 14, column: 13 })
  })

  test('JSON, and the same text with every escape and with long lists', () => {
    const items = Array.from({ length: 100 }, (_, index) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `p${index}`, 'a"\\': [1, '[{,:}]', { deep: true }] },
    }))
    const text = JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, undefined, 1)
    const lines = text.split('\n')
    const found = readManifests(text, 'f.json')
    expect(found).toHaveLength(100)
    for (const [index, manifest] of found.entries()) {
      const { line = 0, column = 0 } = manifest.locate(['metadata', 'name'])
      expect(lines[line - 1]?.slice(column - 1)).toBe(`"p${index}",`)
    }
    const at = (path: readonly (string | number)[]): string => {
      const { line = 0, column = 0 } = found[42]?.locate(path) ?? {}
      return lines[line - 1]?.slice(column - 1) ?? ''
    }
    expect(at(['metadata', 'a"\\', 1])).toBe('"[{,:}]",')
    expect(at(['metadata', 'a"\\', 2, 'deep'])).toBe('true')
    expect(at(['metadata', 'a"\\', 7])).toBe('[')
    expect(at(['metadata', 'none'])).toBe('{')
    expect(at(['kind', 0])).toBe('"Pod",')
  })
})

describe('what is refused', () => {
  test.each<[string, string, readonly string[]]>([
    ['a tab', 'a:\n\tb: 1', ['f.yaml:2:1: tabs are not allowed as indentation']],
    [
      'every syntax problem of every document',
      'a: b: c\n---\nx: 1\nx: 2\n---\n"open',
      [
        'f.yaml:1:4: nested mappings are not allowed in compact mappings',
        'f.yaml:4:1: repeats the key "x"',
        'f.yaml:6:6: missing closing "quote',
      ],
    ],
    [
      'a repeated key of JSON',
      '{"a":{"b":1,\n "b":[2],"\\u0062":3}}',
      ['f.yaml:2:2: repeats the key "b"', 'f.yaml:2:10: repeats the key "b"'],
    ],
    [
      'a control character',
      'a: b\nc: \u0000',
      ['f.yaml:2:4: has the control character U+0000, expected text'],
    ],
    [
      'an escape sequence',
      'a: \u001b[31m',
      ['f.yaml:1:4: has the control character U+001B, expected text'],
    ],
    ['an unknown alias', 'a: *b', ['f.yaml:1:4: alias "b" has no anchor before it']],
    [
      'a merge of no mapping',
      `${pod}<<: 5`,
      ['f.yaml:1:1: merge sources must be maps or map aliases'],
    ],
    [
      'a key that is a list',
      '? [a]\n: 1',
      ['f.yaml:1:3: with stringKeys, all keys must be strings'],
    ],
  ])('%s', (_name, text, places) => {
    expect(failureOf(text)).toMatchObject({ code: 'MANIFEST_SYNTAX', places })
  })

  test('one problem is the message, several are counted', () => {
    expect(failureOf('x: 1\nx: 2').message).toBe('repeats the key "x"')
    expect(failureOf('x: 1\nx: 2\nx: 3').message).toBe('2 problems in f.yaml')
  })

  test.each([
    ['lists', '[', 101],
    ['mappings', '{', 101],
    ['JSON mappings', '{"a":', 501],
    ['block lists', '- ', 201],
    ['explicit keys', '? ', 201],
  ])('deep nesting of %s, without running out of stack', (_name, unit, column) => {
    const { code, places } = failureOf(unit.repeat(200_000))
    expect([code, places]).toEqual([
      'MANIFEST_SYNTAX',
      [`f.yaml:1:${column}: is nested more than 100 deep`],
    ])
  })

  test('deep nesting of JSON that is valid', () => {
    const text = `${'{"a":['.repeat(100_000)}${']}'.repeat(100_000)}`
    expect(failureOf(text).places).toEqual(['f.yaml:1:301: is nested more than 100 deep'])
  })

  test('nesting of a hundred is read', () => {
    const text = `{"apiVersion":"v1","kind":"X","a":${'['.repeat(99)}${']'.repeat(99)}}`
    expect(readManifests(text, 'f')).toHaveLength(1)
    expect(readManifests(`# as YAML\n${text}`, 'f')).toHaveLength(1)
  })

  test('brackets in text are no nesting', () => {
    const text = '['.repeat(1000)
    expect(readManifests(`${pod}a: "${text}"\n`, 'f')).toHaveLength(1)
    expect(readManifests(`${pod}a: |\n  ${text}\n`, 'f')).toHaveLength(1)
    expect(readManifests(`{"apiVersion":"v1","kind":"X","a":"${text}"}`, 'f')).toHaveLength(1)
  })

  test.each([
    [
      'lists that grow tenfold',
      (last: number) => `[${Array(10).fill(`*a${last}`).join(', ')}]`,
      'f.yaml:1:1: excessive alias count indicates a resource exhaustion attack',
    ],
    [
      'merges that grow tenfold',
      (last: number) => `{<<: [${Array(10).fill(`*a${last}`).join(', ')}]}`,
      'f.yaml:1:1: excessive alias count indicates a resource exhaustion attack',
    ],
  ])('aliases: %s', (_name, level, place) => {
    const levels = Array.from({ length: 9 }, (_, n) => `a${n + 1}: &a${n + 1} ${level(n)}`)
    const text = ['apiVersion: v1', 'kind: X', 'a0: &a0 {x: y}', ...levels].join('\n')
    expect(failureOf(text).places).toEqual([place])
  })

  test.each([
    ['an alias to what holds it', 'apiVersion: v1\nkind: X\na: &a {b: *a}', 'f.yaml:3:11'],
    ['a list of itself', 'kind: List\nitems: &a [{kind: List, items: *a}]', 'f.yaml:2:32'],
  ])('aliases: %s', (_name, text, place) => {
    expect(failureOf(text).places).toEqual([
      `${place}: alias "a" nests the document more than 100 deep`,
    ])
  })

  test('aliases: nested too deep together', () => {
    const deep = (inner: string): string => `${'['.repeat(60)}${inner}${']'.repeat(60)}`
    const text = `apiVersion: v1\nkind: X\na: &a ${deep('1')}\nb: ${deep('*a')}\n`
    expect(failureOf(text).message).toBe('alias "a" nests the document more than 100 deep')
  })

  test('aliases: too many, none of which is resolved', () => {
    const text = `${pod}a: &a 1\nb: [${Array(1001).fill('*a').join(', ')}]\n`
    expect(failureOf(text).message).toBe('has 1001 aliases, expected at most 1000')
  })

  test('YAML that is too long to be read as such', () => {
    const { message, hint } = failureOf(`a: ${'x'.repeat(maxYamlLength)}`)
    expect(message).toContain('is not JSON')
    expect(hint).toContain('-o json')
  })

  test('JSON of that length is read', () => {
    const text = JSON.stringify({ apiVersion: 'v1', kind: 'X', a: 'x'.repeat(maxYamlLength) })
    expect(readManifests(text, 'f')).toHaveLength(1)
  })

  test.each<[string, string, string]>([
    ['a scalar', 'hello', 'must be an object with apiVersion and kind, is the string "hello"'],
    ['a list', '[]', 'must be an object with apiVersion and kind, is a list'],
    ['no kind', 'apiVersion: v1', 'kind: is required, a string such as "NetworkPolicy"'],
    [
      'a kind that is no text',
      'apiVersion: v1\nkind: 1',
      'kind: is required, a string such as "NetworkPolicy"',
    ],
    [
      'no apiVersion',
      'kind: Pod',
      'apiVersion: is required, a string such as "networking.k8s.io/v1"',
    ],
    ['a List that has none', 'apiVersion: v1\nkind: List', 'items: must be a list, is absent'],
    [
      'an item that is none',
      'kind: List\nitems: [1]',
      'must be an object with apiVersion and kind, is the number 1',
    ],
  ])('%s', (_name, text, message) => {
    expect(failureOf(text)).toMatchObject({ code: 'MANIFEST_INVALID', message })
  })

  test('every document that is no object', () => {
    expect(failureOf('a: 1\n---\n- b\n').places).toEqual([
      'f.yaml:1:1: kind: is required, a string such as "NetworkPolicy"',
      'f.yaml:3:1: must be an object with apiVersion and kind, is a list',
    ])
  })

  test('what is thrown is bounded, however much is wrong', () => {
    const { message, places } = failureOf('x: 1\n'.repeat(150_000))
    expect(places).toHaveLength(1000)
    expect(message).toBe('149999 problems in f.yaml')
    expect(failureOf(`${'k'.repeat(500)}: 1\n`.repeat(2)).message.length).toBeLessThan(120)
  })
})
