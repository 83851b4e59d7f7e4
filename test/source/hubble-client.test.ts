import { PassThrough } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import type { ClientReadableStream } from '@grpc/grpc-js'
import { expect, test } from 'vitest'
import { FlowsCall } from '../../src/source/hubble-client.ts'

test('a batch that was fetched before its wake came is no end of the call', async () => {
  const stream = Object.assign(new PassThrough({ objectMode: true }), { cancel: () => undefined })
  const call = new FlowsCall(stream as unknown as ClientReadableStream<Buffer>)
  const [first, second] = [Buffer.from('first'), Buffer.from('second')]
  const arrived = new Promise((resolve) => stream.once('data', resolve))
  stream.write(first)
  await arrived
  expect(await call.next()).toEqual([first])
  const next = call.next()
  await setImmediate()
  await setImmediate()
  stream.end(second)
  expect(await next).toEqual([second])
  expect(await call.next()).toBeUndefined()
  expect(call.end).toBeUndefined()
})
