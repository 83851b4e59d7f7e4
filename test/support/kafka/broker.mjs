/**
 * A real Apache Kafka broker for tests and benchmarks: one node, KRaft, from Maven Central, with Java 17 or later.
 *
 * Its libraries are fetched once for each version of `pom.xml` and kept in the cache directory of the user.
 */
import { execFile, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { makeCertificates } from './certificates.mjs'

const run = promisify(execFile)
const pom = fileURLToPath(new URL('pom.xml', import.meta.url))

/** Everyone may do everything but `guest`, who may connect and no more. */
export const users = { alice: 'alice-secret', guest: 'guest-secret' }

const listeners = {
  plaintext: 'PLAINTEXT',
  sasl: 'SASL_PLAINTEXT',
  ssl: 'SSL',
  mtls: 'SSL',
  saslssl: 'SASL_SSL',
  controller: 'PLAINTEXT',
}
const names = Object.keys(listeners)

const startMs = 60_000
const stopMs = 15_000

/** Returns why no broker can be started here, or undefined. */
export async function missingForBroker() {
  const absent = []
  for (const [tool, ...args] of [
    ['java', '-version'],
    ['mvn', '-version'],
    ['openssl', 'version'],
  ]) {
    await run(tool, args).catch(() => absent.push(tool))
  }
  return absent.length === 0 ? undefined : `${absent.join(', ')} not found`
}

/** Returns the directory of the broker's libraries, fetched when it is not there yet. */
async function libraries() {
  const version = createHash('sha256')
    .update(await readFile(pom))
    .digest('hex')
    .slice(0, 12)
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'netweir')
  const directory = join(cache, `kafka-${version}`)
  if (existsSync(directory)) return directory
  await mkdir(cache, { recursive: true })
  const fresh = await mkdtemp(join(cache, 'fetching-'))
  try {
    await copyFile(pom, join(fresh, 'pom.xml'))
    await run(
      'mvn',
      [
        ...['-q', '-B', '-f', join(fresh, 'pom.xml'), 'dependency:copy-dependencies'],
        ...['-DincludeScope=runtime', `-DoutputDirectory=${join(fresh, 'libs')}`],
      ],
      { timeout: 300_000 },
    )
    // Whoever was faster has put the same there.
    await rename(join(fresh, 'libs'), directory).catch((reason) => {
      if (!existsSync(directory)) throw reason
    })
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
  return directory
}

/** Starts a broker on free ports, with no data. Extra settings are those of `server.properties`. */
export async function startBroker(settings = {}) {
  const libs = await libraries()
  const home = await mkdtemp(join(tmpdir(), 'netweir-kafka-'))
  const broker = new Broker(libs, home)
  try {
    await broker.format(settings)
    await broker.start()
  } catch (reason) {
    await broker.stop()
    throw reason
  }
  return broker
}

class Broker {
  #libs
  #home
  #ports = {}
  #process
  #watchdog
  #log = ''
  #remove

  constructor(libs, home) {
    this.#libs = libs
    this.#home = home
    this.#remove = () => {
      this.#process?.kill('SIGKILL')
      rmSync(home, { recursive: true, force: true })
    }
    process.once('exit', this.#remove)
  }

  get plaintext() {
    return this.#address('plaintext')
  }
  get sasl() {
    return this.#address('sasl')
  }
  get ssl() {
    return this.#address('ssl')
  }
  get mtls() {
    return this.#address('mtls')
  }
  get saslSsl() {
    return this.#address('saslssl')
  }
  get ca() {
    return join(this.#home, 'ca.pem')
  }
  get clientCertificate() {
    return join(this.#home, 'client.pem')
  }
  get clientKey() {
    return join(this.#home, 'client.key')
  }
  /** What the broker wrote so far. */
  get log() {
    return this.#log
  }

  async format(settings) {
    const ports = await freePorts(names.length)
    this.#ports = Object.fromEntries(names.map((name, index) => [name, ports[index]]))
    await makeCertificates(this.#home)
    const properties = { ...this.#properties(), ...settings }
    await writeFile(
      this.#config,
      Object.entries(properties)
        .map(([key, value]) => `${key}=${String(value).replaceAll('\n', '\\\n')}\n`)
        .join(''),
    )
    const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) =>
      Object.entries(users).flatMap(([user, password]) => [
        '--add-scram',
        `${mechanism}=[name=${user},password=${password}]`,
      ]),
    )
    await run('java', [
      ...this.#java,
      'kafka.tools.StorageTool',
      'format',
      '--cluster-id',
      // Its first character is an A: with a hyphen it would be read as a flag.
      Buffer.concat([Buffer.alloc(1), randomBytes(15)]).toString('base64url'),
      '--config',
      this.#config,
      ...scram,
    ])
  }

  /** Starts, or starts again on the same ports with the same data. */
  async start() {
    this.#log = ''
    const child = spawn('java', [...this.#java, 'kafka.Kafka', this.#config], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#process = child
    // A test that is killed takes its broker with it: the pipe closes.
    this.#watchdog = spawn('sh', ['-c', `cat >/dev/null; kill -9 ${child.pid}`], {
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    await new Promise((resolve, reject) => {
      const fail = (why) => reject(new Error(`the broker ${why}:\n${this.#log.slice(-4000)}`))
      const timer = setTimeout(() => fail(`did not start within ${startMs / 1000} s`), startMs)
      const hear = (text) => {
        // A broker that complains without end must not fill the memory.
        this.#log = (this.#log + text).slice(-200_000)
        if (!/Kafka Server started/.test(text)) return
        clearTimeout(timer)
        resolve(undefined)
      }
      child.stdout.setEncoding('utf8').on('data', hear)
      child.stderr.setEncoding('utf8').on('data', hear)
      child.once('error', (reason) => fail(`could not be started (${reason.message})`))
      child.once('exit', (code) => fail(`ended with code ${code}`))
      child.once('exit', () => clearTimeout(timer))
    })
  }

  /** Ends the broker at once, as a crash does. Its data stay for `start`. */
  async kill() {
    await this.#end('SIGKILL')
  }

  /** Stops the process, so that connections stay open and nothing answers. */
  freeze() {
    this.#process?.kill('SIGSTOP')
  }

  thaw() {
    this.#process?.kill('SIGCONT')
  }

  /** Ends the broker for good, and removes its data. */
  async stop() {
    await this.#end('SIGKILL')
    process.off('exit', this.#remove)
    await rm(this.#home, { recursive: true, force: true, maxRetries: 3 })
  }

  async #end(signal) {
    this.#watchdog?.kill('SIGKILL')
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMs)
    await ended
    clearTimeout(timer)
  }

  get #config() {
    return join(this.#home, 'server.properties')
  }

  get #java() {
    return [
      ...['-Xms64m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'],
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
      '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
      '-cp',
      join(this.#libs, '*'),
    ]
  }

  #address(name) {
    return `127.0.0.1:${this.#ports[name]}`
  }

  #properties() {
    const places = names.map((name) => `${name.toUpperCase()}://${this.#address(name)}`)
    const plain = Object.entries(users)
      .map(([user, password]) => `user_${user}="${password}"`)
      .join(' ')
    const security = 'org.apache.kafka.common.security'
    const logins = {
      plain: `${security}.plain.PlainLoginModule required ${plain};`,
      'scram-sha-256': `${security}.scram.ScramLoginModule required;`,
      'scram-sha-512': `${security}.scram.ScramLoginModule required;`,
      oauthbearer: `${security}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="admin";`,
    }
    const tls = (name, clientAuth) => ({
      [`listener.name.${name}.ssl.keystore.type`]: 'PEM',
      [`listener.name.${name}.ssl.keystore.location`]: join(this.#home, 'server.keystore.pem'),
      [`listener.name.${name}.ssl.truststore.type`]: 'PEM',
      [`listener.name.${name}.ssl.truststore.location`]: this.ca,
      [`listener.name.${name}.ssl.client.auth`]: clientAuth,
    })
    const sasl = (name) => ({
      [`listener.name.${name}.sasl.enabled.mechanisms`]:
        'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
      ...Object.fromEntries(
        Object.entries(logins).map(([mechanism, login]) => [
          `listener.name.${name}.${mechanism}.sasl.jaas.config`,
          login,
        ]),
      ),
    })
    return {
      'process.roles': 'broker,controller',
      'node.id': 1,
      'controller.quorum.voters': `1@${this.#address('controller')}`,
      'controller.listener.names': 'CONTROLLER',
      listeners: places.join(','),
      'advertised.listeners': places.filter((place) => !place.startsWith('CONTROLLER')).join(','),
      'listener.security.protocol.map': names
        .map((name) => `${name.toUpperCase()}:${listeners[name]}`)
        .join(','),
      'inter.broker.listener.name': 'PLAINTEXT',
      'log.dirs': join(this.#home, 'data'),
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS;User:alice;User:CN=netweir-client',
      'auto.create.topics.enable': false,
      'offsets.topic.replication.factor': 1,
      'offsets.topic.num.partitions': 1,
      'transaction.state.log.replication.factor': 1,
      'transaction.state.log.min.isr': 1,
      'transaction.state.log.num.partitions': 1,
      'share.coordinator.state.topic.replication.factor': 1,
      'share.coordinator.state.topic.min.isr': 1,
      // After a crash the broker waits until its former self is given up.
      'broker.session.timeout.ms': 1000,
      'broker.heartbeat.interval.ms': 200,
      'group.initial.rebalance.delay.ms': 0,
      'group.min.session.timeout.ms': 1000,
      // The cleaner and the retention thread must get round within a test.
      'log.initial.task.delay.ms': 100,
      'log.cleaner.backoff.ms': 200,
      'log.retention.check.interval.ms': 500,
      'log.cleaner.dedupe.buffer.size': 4_194_304,
      'num.network.threads': 2,
      'num.io.threads': 2,
      'background.threads': 2,
      ...tls('ssl', 'none'),
      ...tls('mtls', 'required'),
      ...tls('saslssl', 'none'),
      ...sasl('sasl'),
      ...sasl('saslssl'),
    }
  }
}

/** Returns ports that were free a moment ago. */
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise((resolve, reject) => {
          const server = createServer()
          server.once('error', reject)
          server.listen(0, '127.0.0.1', () => resolve(server))
        }),
    ),
  )
  const ports = servers.map((server) => server.address().port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
