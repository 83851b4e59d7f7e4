/** A thread that reads pieces of a large file; see `piece-reader.ts`. */
import { parentPort, workerData } from 'node:worker_threads'
import type { PieceParts, PieceTask } from './piece-reader.ts'
import { PieceReader } from './piece-reader.ts'

const reading = new PieceReader(workerData as PieceTask).read()
let step = reading.next()
while (step.done !== true) step = reading.next()
const found: PieceParts | undefined = step.value
const batch = found?.parts.batch
const tables = batch === undefined ? [] : [batch.edges, batch.cells, batch.runs]
const transferred = tables.map(({ buffer }) => buffer as ArrayBuffer)
parentPort?.postMessage(found, transferred)
