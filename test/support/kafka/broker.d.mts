/** Users of the SASL listeners with their passwords. `guest` may connect, and is authorised to nothing. */
export const users: { readonly alice: string; readonly guest: string }

/** A broker that runs. Addresses are `127.0.0.1:port`, files are PEM. */
export interface Broker {
  readonly plaintext: string
  /** SASL without TLS: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER (unsecured tokens). */
  readonly sasl: string
  readonly ssl: string
  /** TLS that asks for a client certificate. */
  readonly mtls: string
  readonly saslSsl: string
  readonly ca: string
  readonly clientCertificate: string
  readonly clientKey: string
  /** What the broker wrote since it was started. */
  readonly log: string
  /** Ends the process at once, as a crash does. The data stay. */
  kill(): Promise<void>
  /** Starts a killed broker on the same ports with the same data. */
  start(): Promise<void>
  /** Stops the process in its tracks: connections stay open, nothing answers. */
  freeze(): void
  thaw(): void
  /** Ends the broker, and removes its data. */
  stop(): Promise<void>
}

/** Returns what is missing for a broker on this machine, or undefined. */
export function missingForBroker(): Promise<string | undefined>

/** Starts a broker on free ports, without topics. `settings` go over those of `server.properties`. */
export function startBroker(settings?: Readonly<Record<string, string | number>>): Promise<Broker>
