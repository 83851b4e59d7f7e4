import { expect, test } from 'vitest'
import { changeId } from '../../src/diff/change-id.ts'

test('an id is twelve hex digits, and stays what it is from version to version', () => {
  expect(changeId(['breaks', 'shop/web', 'shop/db', '5432/TCP'])).toMatchInlineSnapshot(
    `"fe24d10bc530"`,
  )
  expect(changeId([])).toMatchInlineSnapshot(`"cbf29ce48422"`)
})

test('texts are told apart by where they end', () => {
  const ids = [['ab', 'c'], ['a', 'bc'], ['abc'], ['abc', ''], ['', 'abc']].map(changeId)
  expect(new Set(ids).size).toBe(ids.length)
})
