/** Certificates for tests, made by openssl: an authority, and what it or nobody signed. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'vitest'

/** Paths of a certificate and its key. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** A folder with an authority. */
export class CertificateFolder {
  readonly #dir = mkdtempSync(join(tmpdir(), 'netweir-tls-'))
  readonly ca: Certificate

  constructor() {
    this.ca = this.#paths('ca')
    openssl(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...[
        '-days',
        '2',
        '-subj',
        '/CN=test authority',
        '-keyout',
        this.ca.key,
        '-out',
        this.ca.cert,
      ],
    )
  }

  /** Returns a certificate of the authority for some names. With `days` below zero it has expired. */
  sign(name: string, names: readonly string[], days = 2): Certificate {
    const made = this.#paths(name)
    const [request, extensions] = [join(this.#dir, `${name}.csr`), join(this.#dir, `${name}.ext`)]
    writeFileSync(extensions, `subjectAltName=${names.map((one) => `DNS:${one}`).join(',')}\n`)
    openssl(
      ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-subj', `/CN=${name}`, '-keyout', made.key, '-out', request],
    )
    openssl(
      ...['x509', '-req', '-in', request, '-CA', this.ca.cert, '-CAkey', this.ca.key],
      ...['-CAcreateserial', '-days', String(days), '-extfile', extensions, '-out', made.cert],
    )
    return made
  }

  /** Returns the path of a file in the folder with some content. */
  write(name: string, content: string): string {
    const path = join(this.#dir, name)
    writeFileSync(path, content)
    return path
  }

  remove(): void {
    rmSync(this.#dir, { recursive: true, force: true })
  }

  #paths(name: string): Certificate {
    return { cert: join(this.#dir, `${name}.crt`), key: join(this.#dir, `${name}.key`) }
  }
}

/** Declares a suite that needs openssl; without it one skipped test says so, or fails where `NETWEIR_REQUIRE` asks. */
export function describeTls(name: string, suite: () => void): void {
  if (spawnSync('openssl', ['version']).status === 0) {
    describe(name, suite)
    return
  }
  const message = `${name}: no openssl`
  const required = (process.env['NETWEIR_REQUIRE'] ?? '').split(',')
  if (required.includes('all') || required.includes('openssl')) {
    test(message, () => {
      throw new Error(message)
    })
  } else {
    test.skip(message, () => undefined)
  }
}

/** Returns the bytes of a file. */
export function pem(path: string): Buffer {
  return readFileSync(path)
}

function openssl(...args: readonly string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`)
}
