import { expect, test } from 'vitest'
import { abortable } from '../../src/cli/abortable.ts'

async function* numbers(): AsyncGenerator<number> {
  yield 1
  yield 2
}

function silent(): AsyncIterable<number> {
  return { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) }
}

test('yields everything when nobody interrupts', async () => {
  const seen: number[] = []
  for await (const value of abortable(numbers(), new AbortController().signal)) seen.push(value)
  expect(seen).toEqual([1, 2])
})

test('ends at once when the input says nothing', async () => {
  const controller = new AbortController()
  const next = abortable(silent(), controller.signal).next()
  controller.abort()
  await expect(next).rejects.toMatchObject({ code: 'INTERRUPTED' })
})

test('does not begin when it is too late', async () => {
  const controller = new AbortController()
  controller.abort()
  await expect(abortable(silent(), controller.signal).next()).rejects.toMatchObject({
    code: 'INTERRUPTED',
  })
})

test('lets go of the input when its consumer stops early', async () => {
  let isClosed = false
  async function* input(): AsyncGenerator<number> {
    try {
      yield 1
      yield 2
    } finally {
      isClosed = true
    }
  }
  for await (const value of abortable(input(), new AbortController().signal)) {
    expect(value).toBe(1)
    break
  }
  expect(isClosed).toBe(true)
})
