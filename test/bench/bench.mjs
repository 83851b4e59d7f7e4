/** Prints how long synthesis, gate and diffs take, each size in a process of its own so that its peak memory is its own. */
import { execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'

const sizes = [
  { workloads: 2_000, edges: 50_000 },
  { workloads: 5_000, edges: 150_000 },
]

const [cpu] = cpus()
console.log(
  `node ${process.version}, ${cpus().length} x ${cpu?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GB`,
)
console.log('| workloads | edges | step | seconds |')
console.log('|---|---|---|---|')
const totals = []
for (const { workloads, edges } of sizes) {
  const script = fileURLToPath(new URL('policies.mjs', import.meta.url))
  const output = execFileSync(process.execPath, [script, String(workloads), String(edges)], {
    encoding: 'utf8',
  })
  const { times, peakMegabytes, gate } = JSON.parse(output)
  const row = (step, text) => console.log(`| ${workloads} | ${edges} | ${step} | ${text} |`)
  let total = 0
  for (const [step, milliseconds] of Object.entries(times)) {
    row(step, (milliseconds / 1_000).toFixed(2))
    if (step !== 'first diff') total += milliseconds
  }
  row('the first four together', (total / 1_000).toFixed(2))
  row('peak memory', `${peakMegabytes} MB`)
  row('points that the gate compared', gate.points.toLocaleString('en'))
  totals.push({ edges, total })
}
const [small, large] = totals
console.log(
  `growth: ${(large.edges / small.edges).toFixed(1)} times the edges, ${(large.total / small.total).toFixed(1)} times the time`,
)
