/** A thread that reads pieces of a large file; see `piece-reader.ts`. */
import { parentPort } from 'node:worker_threads'
import type { PieceTask } from './piece-reader.ts'
import { PieceReader } from './piece-reader.ts'

parentPort?.once('message', (task: PieceTask) => {
  const reading = new PieceReader(task).read()
  let step = reading.next()
  while (step.done !== true) step = reading.next()
  const found = step.value
  const batch = found?.parts.batch
  const tables = batch === undefined ? [] : [batch.edges, batch.cells, batch.runs]
  const transferred = tables.map(({ buffer }) => buffer as ArrayBuffer)
  parentPort?.postMessage(found, transferred)
})
