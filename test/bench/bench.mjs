/** Prints how long reading of files, over gRPC or from Kafka takes where `read`, `grpc` or `kafka` is asked for; else how long synthesis, gate and diffs take, each size in a process of its own so that its peak memory is its own. */
import { execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

if (process.argv[2] === 'read') {
  const script = fileURLToPath(new URL('read.mjs', import.meta.url))
  execFileSync(process.execPath, [script, ...process.argv.slice(3)], { stdio: 'inherit' })
  process.exit(0)
}
for (const part of ['grpc', 'kafka']) {
  if (!process.argv.includes(part)) continue
  await import(`./${part}.mjs`)
  if (part === 'kafka') await import('./kafka-members.mjs')
  process.exit()
}

const sizes = [
  { workloads: 2_000, edges: 50_000 },
  { workloads: 5_000, edges: 150_000 },
]

/** The steps that a goal is set for. */
const four = ['synthesis', 'gate', 'small diff', 'allow-all diff']

/** Runs of each size, of which the shortest is shown. */
const runCount = 3

const [cpu] = cpus()
console.log(
  `node ${process.version}, ${cpus().length} x ${cpu?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GB`,
)
const started = performance.now()
let steps = 0
for (let step = 0; step < 500_000_000; step += 1) steps = (steps + step) | 0
console.log(`500 million steps of a loop: ${((performance.now() - started) / 1_000).toFixed(2)} s`)
console.log('| workloads | edges | step | seconds | of a processor |')
console.log('|---|---|---|---|---|')
const totals = []
for (const { workloads, edges } of sizes) {
  const script = fileURLToPath(new URL('policies.mjs', import.meta.url))
  const runs = Array.from({ length: runCount }, () =>
    JSON.parse(
      execFileSync(process.execPath, [script, String(workloads), String(edges)], {
        encoding: 'utf8',
      }),
    ),
  )
  const together = (times) => four.reduce((sum, step) => sum + times[step], 0)
  // Other work on the machine only adds: the run that was disturbed least says most.
  const [best] = runs.toSorted((a, b) => together(a.times) - together(b.times))
  const { times, user, peakMegabytes, gate } = best
  const row = (step, text, more = '') =>
    console.log(`| ${workloads} | ${edges} | ${step} | ${text} | ${more} |`)
  const seconds = (milliseconds) => (milliseconds / 1_000).toFixed(2)
  for (const step of Object.keys(times)) row(step, seconds(times[step]), seconds(user[step]))
  const total = together(times)
  row('the first four together', seconds(total), seconds(together(user)))
  row('peak memory', `${peakMegabytes} MB`)
  row('points that the gate compared', gate.points.toLocaleString('en'))
  totals.push({ edges, total })
}
const [small, large] = totals
console.log(
  `growth: ${(large.edges / small.edges).toFixed(1)} times the edges, ${(large.total / small.total).toFixed(1)} times the time`,
)
