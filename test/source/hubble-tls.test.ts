/** TLS and mutual TLS against a real gRPC server, with certificates made here. */
import type { TlsOptions as ServerTls } from 'node:tls'
import { createServer as createTlsServer } from 'node:tls'
import { ServerCredentials } from '@grpc/grpc-js'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { TlsOptions } from '../../src/source/source.ts'
import { openSource } from '../../src/source/source.ts'
import type { Certificate } from '../support/certificates.ts'
import { CertificateFolder, describeTls, pem } from '../support/certificates.ts'
import { flowRecord } from '../support/flows.ts'
import type { HubbleServer } from '../support/hubble-server.ts'
import { startHubbleServer } from '../support/hubble-server.ts'

const never = new AbortController().signal
const host = { stdin: (async function* () {})(), closed: never, aborted: never }
const record = flowRecord({ from: { ns: 'a', app: 'b' }, to: { ns: 'a', app: 'c' }, port: 80 })

async function messages(url: string, tls: TlsOptions): Promise<number> {
  const source = await openSource(url, { tls }, host)
  let count = 0
  for await (const batch of source.pieces) count += batch.length
  return count
}

describeTls('a server with TLS', () => {
  let folder: CertificateFolder
  let relay: Certificate
  const servers: HubbleServer[] = []

  beforeAll(() => {
    folder = new CertificateFolder()
    relay = folder.sign('relay', ['*.hubble-relay.cilium.io'])
  })
  afterAll(() => folder.remove())
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()))
  })

  async function serve(
    certificate: Certificate,
    options: { readonly asksClient?: boolean } = {},
  ): Promise<string> {
    const credentials = ServerCredentials.createSsl(
      pem(folder.ca.cert),
      [{ private_key: pem(certificate.key), cert_chain: pem(certificate.cert) }],
      options.asksClient ?? false,
    )
    const server = await startHubbleServer({
      credentials,
      onFlows: (answer) => answer.send(record).then(answer.end),
    })
    servers.push(server)
    return server.url.replace('hubble:', 'hubbles:')
  }

  test('is trusted by --tls-ca, under the name that Relay has', async () => {
    expect(await messages(await serve(relay), { ca: folder.ca.cert })).toBe(1)
  })

  test('that nobody trusts is refused', async () => {
    await expect(messages(await serve(relay), {})).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining('signed by nobody'),
      hint: expect.stringContaining('--tls-ca'),
    })
  })

  test('for another name is refused, and the name is said', async () => {
    const other = folder.sign('other', ['hubble.example.org'])
    const url = await serve(other)
    await expect(messages(url, { ca: folder.ca.cert })).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: 'the certificate of the server is for another name: hubble.example.org',
      hint: expect.stringContaining('--tls-server-name'),
    })
    const tls = { ca: folder.ca.cert, serverName: 'hubble.example.org' }
    expect(await messages(url, tls)).toBe(1)
  })

  test('that has expired is refused', async () => {
    const expired = folder.sign('expired', ['*.hubble-relay.cilium.io'], -1)
    await expect(messages(await serve(expired), { ca: folder.ca.cert })).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining('expired'),
    })
  })

  test('that asks for a certificate gets one', async () => {
    const url = await serve(relay, { asksClient: true })
    const client = folder.sign('client', ['ui.hubble-ui.cilium.io'])
    const tls = { ca: folder.ca.cert, cert: client.cert, key: client.key }
    expect(await messages(url, tls)).toBe(1)
    await expect(messages(url, { ca: folder.ca.cert })).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      hint: expect.stringContaining('--tls-cert'),
    })
  })

  test('does not accept the certificate of a stranger', async () => {
    const url = await serve(relay, { asksClient: true })
    const strangers = new CertificateFolder()
    const client = strangers.sign('client', ['ui.hubble-ui.cilium.io'])
    const tls = { ca: folder.ca.cert, cert: client.cert, key: client.key }
    // Node.js hangs up without a word; Go says why, and that is SOURCE_UNREADABLE.
    await expect(messages(url, tls)).rejects.toMatchObject({
      code: expect.stringMatching(/^SOURCE_/),
      hint: expect.stringContaining('--tls-cert'),
    })
    strangers.remove()
  })

  test('is not talked to in plain, and a plain one not in TLS', async () => {
    const url = await serve(relay)
    await expect(messages(url.replace('hubbles:', 'hubble:'), {})).rejects.toMatchObject({
      code: 'SOURCE_LOST',
      hint: expect.stringContaining('hubbles://'),
    })
    const plain = await startHubbleServer()
    servers.push(plain)
    const wrong = plain.url.replace('hubble:', 'hubbles:')
    await expect(messages(wrong, { ca: folder.ca.cert })).rejects.toMatchObject({
      hint: expect.stringContaining('hubble://'),
    })
  })

  test('of TLS 1.2 is refused', async () => {
    const options: ServerTls = { key: pem(relay.key), cert: pem(relay.cert), maxVersion: 'TLSv1.2' }
    const old = createTlsServer(options)
    old.on('tlsClientError', () => undefined)
    await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve))
    const { port } = old.address() as { port: number }
    const reading = messages(`hubbles://127.0.0.1:${port}`, { ca: folder.ca.cert })
    await expect(reading).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining('TLS 1.3'),
    })
    old.close()
  })

  test('files that are no certificates are named', async () => {
    const url = await serve(relay)
    const text = folder.write('text.pem', 'LS0tLS1CRUdJTi')
    const missing = `${text}.missing`
    await expect(messages(url, { ca: text })).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      location: { file: text },
      hint: expect.stringContaining('base64'),
    })
    await expect(messages(url, { ca: missing })).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND' })
    await expect(messages(url, { ca: folder.ca.key })).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: `"${folder.ca.key}" holds no certificate`,
      hint: expect.stringContaining('ca.crt'),
    })
    const swapped = { cert: relay.key, key: relay.cert }
    await expect(messages(url, swapped)).rejects.toMatchObject({
      message: `"${relay.key}" holds no certificate`,
    })
    const mixed = { cert: relay.cert, key: folder.ca.key }
    await expect(messages(url, mixed)).rejects.toMatchObject({ code: 'SOURCE_UNREADABLE' })
  })
})
