/**
 * Makes the recording and the inventory of this sample: `node samples/shop/make.mjs` writes them, `--check` tells
 * whether they are what it would write. Nothing depends on the clock, the machine or chance.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { gunzipSync, gzipSync } from 'node:zlib'
import { inventoryYaml } from './make/inventory.mjs'
import { record } from './make/story.mjs'

const flows = `${record().join('\n')}\n`

const files = [
  { name: 'flows.jsonl', text: flows, encode: Buffer.from, decode: String },
  // Compared by content: the same text is compressed to other bytes by other versions of zlib.
  { name: 'flows.jsonl.gz', text: flows, encode: compress, decode: decompress },
  { name: 'inventory.yaml', text: inventoryYaml(), encode: Buffer.from, decode: String },
]

const stale = files.filter((file) => contentOf(file) !== file.text)
if (process.argv.includes('--check')) {
  for (const { name } of stale) console.error(`${name} is not what make.mjs makes`)
  process.exitCode = stale.length === 0 ? 0 : 1
} else {
  for (const file of stale) writeFileSync(pathOf(file), file.encode(file.text))
}

function pathOf({ name }) {
  return new URL(name, import.meta.url)
}

function contentOf(file) {
  try {
    return file.decode(readFileSync(pathOf(file)))
  } catch {
    return undefined
  }
}

/** Node writes no time and no name into the header, so equal input gives equal bytes on one machine. */
function compress(text) {
  return gzipSync(text, { level: 9 })
}

function decompress(bytes) {
  return gunzipSync(bytes).toString()
}
