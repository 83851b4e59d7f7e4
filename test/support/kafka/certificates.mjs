/** Certificates of one test run: an authority, a server of 127.0.0.1 and localhost, and a client. */
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Writes `ca.pem`, `server.pem`, `server.key`, `server.keystore.pem` (both), `client.pem` and `client.key`. */
export async function makeCertificates(directory) {
  const at = (name) => join(directory, name)
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  await run('openssl', [
    ...['req', '-x509', ...key, '-days', '2', '-subj', '/CN=netweir test authority'],
    ...['-keyout', at('ca.key'), '-out', at('ca.pem')],
  ])
  for (const [name, subject, extension] of [
    ['server', '/CN=netweir-server', 'subjectAltName=IP:127.0.0.1,DNS:localhost'],
    ['client', '/CN=netweir-client', 'extendedKeyUsage=clientAuth'],
  ]) {
    await run('openssl', [
      ...['req', '-x509', ...key, '-days', '2', '-subj', subject, '-addext', extension],
      ...['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-addext', 'basicConstraints=CA:FALSE'],
      ...['-keyout', at(`${name}.key`), '-out', at(`${name}.pem`)],
    ])
  }
  await writeFile(
    at('server.keystore.pem'),
    `${await readFile(at('server.key'), 'utf8')}${await readFile(at('server.pem'), 'utf8')}`,
  )
}
