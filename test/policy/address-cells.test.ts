import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseAddress } from '../../src/ip.ts'
import { blockHolds, cutAddresses } from '../../src/policy/address-cells.ts'
import {
  equalIps,
  holdsIp,
  ipBlockSet,
  noIps,
  toPrefixes,
  uniteIps,
} from '../../src/policy/ip-set.ts'
import type { IpBlock } from '../../src/policy/network-policy.ts'

const blocks = fc.array(
  fc.constantFrom<IpBlock>(
    { cidr: '0.0.0.0/0' },
    { cidr: '0.0.0.0/0', except: ['10.0.0.0/8', '10.1.0.0/16', '192.168.0.0/16'] },
    { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] },
    { cidr: '10.1.0.0/17' },
    { cidr: '255.255.255.255/32' },
    { cidr: '0.0.0.0/32' },
    { cidr: '::/0', except: ['2001:db8::/32'] },
    { cidr: '2001:db8::/64' },
  ),
  { maxLength: 5 },
)
const learned = fc
  .uniqueArray(fc.constantFrom('10.1.2.3', '10.1.2.4', '203.0.113.0/24', '2001:db8::7'))
  .map((addresses) => addresses.map((address) => ({ address, likeness: address })))

describe('the cut of the address space', () => {
  test('is a partition, and each block and learned address is a union of cells', () => {
    fc.assert(
      fc.property(blocks, learned, (cuts, seen) => {
        const { cells, cellsOfBlock, cellsOfLearned } = cutAddresses(cuts, seen)
        const united = (ids: readonly number[]) =>
          ids.reduce((set, id) => uniteIps(set, cells[id]!.addresses), noIps)
        expect(toPrefixes(united([...cells.keys()]))).toEqual(['0.0.0.0/0', '::/0'])
        for (const block of cuts) {
          expect(equalIps(united(cellsOfBlock(block)), ipBlockSet(block))).toBe(true)
        }
        for (const { address } of seen) {
          const length = address.includes('/') ? '' : address.includes(':') ? '/128' : '/32'
          expect(toPrefixes(united(cellsOfLearned(address)))).toEqual([`${address}${length}`])
        }
        for (const cell of cells) {
          expect(holdsIp(cell.addresses, parseAddress(cell.witness)!)).toBe(true)
        }
      }),
    )
  })

  test('keeps addresses together that were seen in the same edges', () => {
    const alike = ['203.0.113.7', '203.0.113.9'].map((address) => ({ address, likeness: 'web' }))
    expect(cutAddresses([], alike).cells).toHaveLength(2)
    const apart = alike.map((item, index) => ({ ...item, likeness: String(index) }))
    expect(cutAddresses([], apart).cells).toHaveLength(3)
  })

  test.each(['nonsense', '10.0.0.0/99'])('leaves out %s, which is no address', (address) => {
    const cut = cutAddresses([{ cidr: address }], [{ address, likeness: 'a' }])
    expect(cut.cells).toHaveLength(1)
    expect(cut.cellsOfLearned(address)).toEqual([])
    expect(cut.cellsOfBlock({ cidr: address })).toEqual([])
  })
})

test.each([
  { address: '10.1.2.3', held: true },
  { address: '10.9.2.3', held: false },
  { address: '11.1.2.3', held: false },
  { address: '2001:db8::1', held: false },
  { address: 'nonsense', held: false },
])('whether a block holds $address', ({ address, held }) => {
  expect(blockHolds({ cidr: '10.0.0.0/8', except: ['10.9.0.0/16'] }, address)).toBe(held)
})
