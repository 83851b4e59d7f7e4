/**
 * Compares the reading of recordings with other ways to read the same bytes: whole processes, in one run, on files that
 * this makes and removes. Arguments: how many million lines the largest file has (default 1; 5 needs 10 GB).
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeRecording } from './recording.mjs'

const largest = Number(process.argv[2] ?? 1)
const netweir = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const plainReader = fileURLToPath(new URL('plain.mjs', import.meta.url))
const pythonLoop = fileURLToPath(new URL('loop.py', import.meta.url))
const duckdbQuery = fileURLToPath(new URL('duckdb_query.py', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'netweir-bench-'))
const report = join(directory, 'times')
const out = join(directory, 'set.json')

const commands = {
  'wc -l': (file) => ['wc', '-l', file],
  'netweir learn, 1 thread': (file) => learn(file, 1),
  'netweir learn, 2 threads': (file) => learn(file, 2),
  'netweir, plain decoder': (file) => [process.execPath, plainReader, file],
  'Python json.loads loop': (file) => ['python3', pythonLoop, file],
  jq: (file) => ['sh', '-c', `jq -r '${jqProgram}' '${file}' | sort | uniq -c`],
  'DuckDB, 1 thread': (file) => ['python3', duckdbQuery, file, '1'],
  'DuckDB, 2 threads': (file) => ['python3', duckdbQuery, file, '2'],
  'gzip -dc': (file) => ['gzip', '-dc', file],
  'netweir learn, .gz': (file) => learn(file, 1),
  'zstd -dc': (file) => ['zstd', '-dc', '-q', file],
  'netweir learn, .zst': (file) => learn(file, 1),
  'node -e 0': () => [process.execPath, '-e', '0'],
  'netweir --help': () => [process.execPath, netweir, '--help'],
  'netweir generate': (file) => [process.execPath, netweir, 'generate', file, '-q'],
}

const jqProgram =
  '.flow | select(.) | [.source.labels, .destination.labels, .IP.destination, .l4, .verdict, .is_reply] | tostring'

function learn(file, threads) {
  return [
    process.execPath,
    netweir,
    'learn',
    file,
    '--threads',
    String(threads),
    '--out',
    out,
    '-q',
  ]
}

try {
  main()
} finally {
  rmSync(directory, { recursive: true, force: true })
}

function main() {
  console.log(
    `node ${process.version}, ${availableParallelism()} processors, load ${loadavg()[0].toFixed(1)}`,
  )
  const few = made('100 lines', { lines: 100 })
  const hundred = made('100k', { lines: 100_000 })
  const million = made('1M', { lines: 1_000_000 })
  console.log('| file | what | wall s | processor s | peak MB | x wc -l |')
  console.log('|---|---|---|---|---|---|')
  const started = measureAll(few, [
    'node -e 0',
    'netweir --help',
    'netweir learn, 1 thread',
    'netweir generate',
  ])
  const small = measureAll(hundred, [
    'wc -l',
    'netweir learn, 1 thread',
    'netweir learn, 2 threads',
    'netweir, plain decoder',
    'Python json.loads loop',
    'jq',
    'DuckDB, 2 threads',
  ])
  const large = measureAll(million, [
    'wc -l',
    'netweir learn, 1 thread',
    'netweir learn, 2 threads',
    'netweir, plain decoder',
    'Python json.loads loop',
    'DuckDB, 1 thread',
    'DuckDB, 2 threads',
  ])
  const zipped = compressed(million, 'gz', ['gzip', '-6', '-k', '-f'])
  const gz = zipped && measureAll(zipped, ['gzip -dc', 'netweir learn, .gz'])
  const zstd = compressed(million, 'zst', ['zstd', '-3', '-q', '-k', '-f'])
  const zst = zstd && measureAll(zstd, ['zstd -dc', 'netweir learn, .zst'])
  for (const file of [hundred, zipped, zstd])
    if (file !== undefined) rmSync(file.path, { force: true })
  rmSync(million.path)
  const wide = made('30k endpoints', { lines: 500_000, workloads: 5000, edges: 60_000 })
  const many = measureAll(wide, [
    'wc -l',
    'netweir learn, 1 thread',
    'netweir learn, 2 threads',
    'Python json.loads loop',
  ])
  rmSync(wide.path)
  let huge
  if (largest > 1) {
    const file = made(`${largest}M`, { lines: largest * 1_000_000 })
    huge = measureAll(file, ['wc -l', 'netweir learn, 1 thread', 'netweir learn, 2 threads'])
    rmSync(file.path)
  }
  console.log('\n| goal | reached |\n|---|---|')
  for (const what of ['netweir --help', 'netweir learn, 1 thread', 'netweir generate']) {
    goal(`${what}, 100 lines: below 0.25 s`, seconds(started, what))
  }
  const two = 'netweir learn, 2 threads'
  const one = 'netweir learn, 1 thread'
  const python = 'Python json.loads loop'
  goal('1M lines, 2 threads: at least 15 x Python', ratio(large, python, two))
  goal('1M lines, 1 thread: at least 10 x Python', ratio(large, python, one))
  goal('100k lines, 2 threads, against Python', ratio(small, python, two))
  goal('1M lines: at most 3.5 x wc -l', ratio(large, two, 'wc -l'))
  if (huge) goal(`${largest}M lines: at most 2.5 x wc -l`, ratio(huge, two, 'wc -l'))
  goal('1M lines, 2 threads each: at least 3 x DuckDB', ratio(large, 'DuckDB, 2 threads', two))
  goal('1M lines against the plain decoder', ratio(large, 'netweir, plain decoder', two))
  goal('100k lines against jq', ratio(small, 'jq', two))
  goal('.gz: at most 0.5 x gzip -dc', gz && ratio(gz, 'netweir learn, .gz', 'gzip -dc'))
  goal('.zst: at most 2 x zstd -dc', zst && ratio(zst, 'netweir learn, .zst', 'zstd -dc'))
  goal('30k endpoints, against Python', ratio(many, python, two))
  goal('1M lines, 1 thread: wc -l', ratio(large, one, 'wc -l'))
  goal('peak memory below 128 MB', peaks({ small, large, gz, zst, many, huge }))
  goal('growth of wall time from 100k to 1M lines (10 x)', growth(small, large, two))
  if (huge) goal(`growth from 1M to ${largest}M lines (${largest} x)`, growth(large, huge, two))
}

function made(name, options) {
  const path = join(directory, `${name.replaceAll(' ', '-')}.jsonl`)
  writeRecording(path, options)
  return { name, path }
}

function compressed({ name, path }, extension, [command, ...args]) {
  if (spawnSync(command, [...args, path], { stdio: 'ignore' }).status !== 0) return undefined
  return { name: `${name} .${extension}`, path: `${path}.${extension}` }
}

/** The middle run of each. They take turns, so that what else goes on hits all alike; slow ones run less often. */
function measureAll({ name, path }, names) {
  readFileSlowly(path)
  const runs = new Map(names.map((one) => [one, []]))
  for (let round = 0; round < 7; round += 1) {
    for (const one of names) {
      const done = runs.get(one)
      if (round > 0 && (done.length === 0 || round >= roundsOf(done[0].wall))) continue
      const run = measure(commands[one](path))
      if (run !== undefined) done.push(run)
    }
  }
  const middle = new Map()
  for (const [one, done] of runs) {
    if (done.length === 0) {
      console.log(`| ${name} | ${one} | not installed | | | |`)
      continue
    }
    const run = done.toSorted((a, b) => a.wall - b.wall)[Math.floor((done.length - 1) / 2)]
    middle.set(one, run)
    const count = middle.get('wc -l')
    const times = count === undefined ? '' : (run.wall / count.wall).toFixed(1)
    console.log(
      `| ${name} | ${one} | ${run.wall.toFixed(2)} | ${run.cpu.toFixed(2)} | ${run.megabytes.toFixed(0)} | ${times} |`,
    )
  }
  return middle
}

function roundsOf(seconds) {
  if (seconds > 8) return 1
  return seconds > 2 ? 3 : 7
}

/** Into the page cache. */
function readFileSlowly(path) {
  execFileSync('cat', [path], { stdio: ['ignore', 'ignore', 'inherit'] })
  statSync(path)
}

/** Undefined where the program is not there. */
function measure(command) {
  writeFileSync(report, '')
  const { status } = spawnSync('/usr/bin/time', ['-f', '%e %U %S %M', '-o', report, ...command], {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: { ...process.env, PYTHONPATH: process.env.NETWEIR_BENCH_PYTHONPATH ?? '' },
  })
  if (status !== 0) return undefined
  const [wall, user, system, kilobytes] = readFileSync(report, 'utf8').trim().split(' ').map(Number)
  return { wall, cpu: user + system, megabytes: kilobytes / 1024 }
}

function ratio(runs, above, below) {
  const [a, b] = [runs.get(above), runs.get(below)]
  if (a === undefined || b === undefined) return undefined
  return `${(a.wall / b.wall).toFixed(2)} (processor: ${(a.cpu / b.cpu).toFixed(2)})`
}

function seconds(runs, name) {
  const run = runs.get(name)
  return run && `${run.wall.toFixed(2)} s (processor: ${run.cpu.toFixed(2)} s)`
}

function growth(small, large, name) {
  const [a, b] = [small.get(name), large.get(name)]
  return a && b && `${(b.wall / a.wall).toFixed(1)} x`
}

function peaks(all) {
  return Object.values(all)
    .flatMap((runs) => (runs === undefined ? [] : [...runs]))
    .filter(([name]) => name.startsWith('netweir learn'))
    .map(([name, { megabytes }]) => `${name}: ${megabytes.toFixed(0)}`)
    .join(', ')
}

function goal(text, reached) {
  console.log(`| ${text} | ${reached ?? 'not measured'} |`)
}
