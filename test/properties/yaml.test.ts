/** YAML is written as the `yaml` package writes it, and reads back. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Document, parse, visit } from 'yaml'
import { escapeUnprintable } from '../../src/policy/quote.ts'
import { writeYaml } from '../../src/policy/yaml-writer.ts'

/** What the package writes, told to put into double quotes what parsers differ over. */
function packageYaml(value: object): string {
  const document = new Document(value, { compat: 'yaml-1.1', aliasDuplicateObjects: false })
  visit(document, {
    Scalar: (_key, scalar) => {
      if (typeof scalar.value === 'string' && !isAgreed(scalar.value)) scalar.type = 'QUOTE_DOUBLE'
    },
  })
  return escapeUnprintable(document.toString({ indent: 2, lineWidth: 0, doubleQuotedAsJSON: true }))
}

function isAgreed(text: string): boolean {
  const isNumber = /^[-+.]?\d/.test(text) && !/^[\d.]+\/\d+$/.test(text)
  return !/[^\x20-\x7e]/.test(text) && !isNumber && text !== '='
}

/** Pieces of which texts are made that YAML could take for something else. */
const pieces = fc.constantFrom(
  ...[
    '-',
    '+',
    '.',
    '_',
    ':',
    ' ',
    '#',
    '"',
    "'",
    '?',
    '!',
    '&',
    '*',
    '|',
    '>',
    '%',
    '@',
    '`',
    '~',
  ],
  ...[
    '[',
    ']',
    '{',
    '}',
    ',',
    '=',
    '<<',
    '<',
    '/',
    '\\',
    '0',
    '1',
    '9',
    'e',
    'E',
    'x',
    'o',
    'b',
    'a',
  ],
  ...[
    'y',
    'Y',
    'n',
    'N',
    'yes',
    'Yes',
    'YES',
    'yEs',
    'no',
    'on',
    'ON',
    'off',
    'Off',
    'true',
    'True',
  ],
  ...['tRue', 'false', 'FALSE', 'null', 'Null', 'NULL', 'nULL', 'inf', 'Inf', 'INF', 'nan', 'NaN'],
  ...[
    '10.0.0.0/8',
    '2001:db8::/32',
    '---',
    '...',
    '\n',
    '\t',
    '\r',
    '\u0085',
    '\u2028',
    '\ud800',
    'é',
  ],
)

const text = fc.oneof(
  { weight: 6, arbitrary: fc.array(pieces, { maxLength: 4 }).map((parts) => parts.join('')) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
  { weight: 1, arbitrary: fc.stringMatching(/^[a-z0-9._/-]{1,12}$/) },
)

/** JSON knows no zero below zero. */
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((found) => found + 0)

const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.oneof(fc.integer(), number, fc.boolean()),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(text, tie('value'), { maxKeys: 4 }),
  ),
})).value

// The package writes the first line of a document with care for marks that policies cannot begin with.
const mapping = fc.record({ spec: value, other: value }, { requiredKeys: ['spec'] })

test('what is written is what the package writes', () => {
  fc.assert(
    fc.property(mapping, (given) => {
      expect(writeYaml(given)).toBe(packageYaml(given))
    }),
    { numRuns: 5000 },
  )
})

test.each([1023, 1024, 1025])('a key of %i characters', (length) => {
  const given = { spec: { ['k'.repeat(length)]: { a: ['b'], c: 'd' }, e: [] } }
  expect(writeYaml(given)).toBe(packageYaml(given))
})

test('what is written reads back, by the rules of YAML 1.1 and 1.2', () => {
  const texts = fc.record({ spec: fc.dictionary(text, fc.array(text)) })
  fc.assert(
    fc.property(texts, (given) => {
      for (const version of ['1.1', '1.2'] as const) {
        expect(parse(writeYaml(given), { version, merge: false })).toEqual(given)
      }
    }),
    { numRuns: 1000 },
  )
})
