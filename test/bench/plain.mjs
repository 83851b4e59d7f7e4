/** Reads one file with the plain decoder alone: what the scanner is compared with. */
import { learn } from '../../dist/index.js'

const [path] = process.argv.slice(2)
await learn(
  [path],
  { plain: true },
  {
    stdin: { async *[Symbol.asyncIterator]() {} },
    signal: new AbortController().signal,
  },
)
