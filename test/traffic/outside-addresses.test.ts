import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OutsideAddresses } from '../../src/traffic/outside-addresses.ts'

class Sum {
  total = 0
  absorb(other: Sum): void {
    this.total += other.total
  }
}

function filled(width: 32 | 128, limit: number, texts: readonly string[]): OutsideAddresses<Sum> {
  const addresses = new OutsideAddresses<Sum>(width, limit, () => new Sum())
  for (const text of texts) addresses.at(text).total += 1
  return addresses
}

function content(addresses: OutsideAddresses<Sum>): Record<string, number> {
  return Object.fromEntries([...addresses.entries()].map(([text, { total }]) => [text, total]))
}

describe('addresses outside', () => {
  test.each<[string, 32 | 128, number, string[], Record<string, number>]>([
    [
      'stand as they are while they fit',
      32,
      2,
      ['10.0.0.1', '10.0.0.2', '10.0.0.1'],
      { '10.0.0.1': 2, '10.0.0.2': 1 },
    ],
    [
      'fold to the longest prefixes that fit',
      32,
      2,
      ['10.0.0.0', '10.0.0.1', '10.0.0.7'],
      { '10.0.0.0/31': 2, '10.0.0.6/31': 1 },
    ],
    ['fold to one prefix at last', 32, 1, ['10.0.0.1', '138.0.0.1'], { '0.0.0.0/0': 2 }],
    [
      'fold in the other family too',
      128,
      2,
      ['2001:db8::1', '2001:db8::2', '2001:db8:0:1::'],
      { '2001:db8::/126': 2, '2001:db8:0:1::/126': 1 },
    ],
    [
      'take the length of a folded prefix',
      32,
      9,
      ['10.0.0.9', '10.0.1.0/24'],
      { '10.0.0.0/24': 1, '10.0.1.0/24': 1 },
    ],
    [
      'stay folded',
      32,
      9,
      ['10.0.1.0/24', '10.0.1.9', '10.0.2.1'],
      { '10.0.1.0/24': 2, '10.0.2.0/24': 1 },
    ],
  ])('%s', (_name, width, limit, texts, expected) => {
    expect(content(filled(width, limit, texts))).toEqual(expected)
  })

  test('fold further when the limit is lowered', () => {
    const addresses = filled(32, 4, ['10.0.0.0', '10.0.0.1', '10.0.0.2', '10.0.0.3'])
    addresses.tighten(2)
    expect(content(addresses)).toEqual({ '10.0.0.0/31': 2, '10.0.0.2/31': 2 })
  })

  test('are at the greatest length that fits, whatever the order', () => {
    const anyAddress = fc.integer({ min: 0, max: 255 }).map((host) => `10.0.0.${host}`)
    fc.assert(
      fc.property(
        fc.array(anyAddress, { minLength: 1 }),
        fc.integer({ min: 1, max: 6 }),
        (texts, limit) => {
          const folded = content(filled(32, limit, texts))
          expect(content(filled(32, limit, [...texts].reverse()))).toEqual(folded)
          const distinctAt = (length: number): number =>
            new Set(texts.map((text) => Number(text.split('.')[3]) >> (32 - length))).size
          const length = [32, 31, 30, 29, 28, 27, 26, 25, 24].find(
            (bits) => distinctAt(bits) <= limit,
          )
          const lengths = Object.keys(folded).map((text) => Number(text.split('/')[1] ?? 32))
          expect(new Set(lengths)).toEqual(new Set([length]))
          expect(Object.keys(folded)).toHaveLength(distinctAt(length!))
        },
      ),
    )
  })
})
