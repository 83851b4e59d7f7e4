/** Prints how fast flows are read over gRPC, beside a generated decoder over the same stream, turn by turn. */
import { execFileSync, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const script = (name) => fileURLToPath(new URL(name, import.meta.url))
const modes = ['netweir', 'generated', 'count']
const runs = Number(process.env.RUNS ?? 5)

const server = spawn(process.execPath, [script('grpc-server.mjs'), '300000'], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
try {
  const { port, total, meanBytes } = await new Promise((resolve) => {
    server.stdout.once('data', (line) => resolve(JSON.parse(line)))
  })
  console.log(`${total} messages of ${meanBytes} bytes over loopback, ${runs} turns, medians`)
  const results = new Map(modes.map((mode) => [mode, []]))
  for (let run = 0; run < runs; run += 1) {
    for (const mode of modes) {
      const text = execFileSync(process.execPath, [script('grpc-client.mjs'), mode, String(port)])
      results.get(mode).push(JSON.parse(text))
    }
  }
  const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1]
  const rate = (mode) => median(results.get(mode).map((one) => one.messages / one.seconds))
  console.log('| client | flows/s | client CPU us/flow | peak MB |')
  console.log('|---|---|---|---|')
  for (const mode of modes) {
    const all = results.get(mode)
    const cpu = median(all.map((one) => one.microseconds)).toFixed(1)
    const peak = median(all.map((one) => one.peakMegabytes))
    console.log(`| ${mode} | ${Math.round(rate(mode)).toLocaleString('en')} | ${cpu} | ${peak} |`)
  }
  const ratio = rate('netweir') / rate('generated')
  console.log(`netweir reads ${ratio.toFixed(2)} times as fast as the generated decoder`)
  const digests = new Set(
    modes.slice(0, 2).flatMap((mode) => results.get(mode).map((one) => one.digest)),
  )
  const [first] = results.get('netweir')
  console.log(
    digests.size === 1
      ? `both make the same communication set of ${first.edges} edges`
      : `DIFFERENT communication sets: ${[...digests].join(', ')}`,
  )
} finally {
  server.kill()
}
