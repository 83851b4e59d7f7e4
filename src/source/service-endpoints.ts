/** What stands behind services that have no selector: the addresses of their endpoint slices. */
import { canonicalAddress } from '../ip.ts'
import type { Field } from '../policy/field.ts'
import type { Manifest } from '../policy/manifest.ts'
import type { InventoryService } from '../traffic/inventory.ts'
import { readPortNumber, readProtocol } from './pod-template.ts'

type Endpoint = NonNullable<InventoryService['ports'][number]['endpoints']>[number]

/** Collects slices and names of service ports, in any order. */
export class ServiceEndpoints {
  readonly #byPort = new Map<string, Endpoint[]>()
  readonly #portNames = new Map<string, string>()

  /** Remembers the endpoints of an EndpointSlice. */
  add(manifest: Manifest, object: Field): void {
    const labels = object.member('metadata').member('labels').labels() ?? {}
    const service = labels['kubernetes.io/service-name']
    if (service === undefined) return
    const addresses = (object.member('endpoints').items() ?? [])
      .flatMap((endpoint) => endpoint.member('addresses').items() ?? [])
      .map((address) => canonicalAddress(address.text() ?? ''))
      .filter((address) => address !== undefined)
    for (const port of object.member('ports').items() ?? []) {
      const number = readPortNumber(port.member('port'))
      const protocol = readProtocol(port.member('protocol'))
      if (number === undefined || protocol === undefined) continue
      const name = port.member('name').text() ?? ''
      const key = keyOf([manifest.namespace || 'default', service, protocol, name])
      const endpoints = this.#byPort.get(key) ?? []
      this.#byPort.set(key, endpoints)
      for (const address of addresses) endpoints.push({ address, port: number })
    }
  }

  /** Remembers what the ports of a service are called, which is how slices refer to them. */
  namePorts(namespace: string, service: string, ports: readonly Field[]): void {
    for (const field of ports) {
      // What is wrong with a port is found when the service itself is read.
      const port = field.member('port').value
      const protocol = field.member('protocol').value ?? 'TCP'
      const name = field.member('name').value
      if (typeof protocol !== 'string' || typeof name !== 'string') continue
      this.#portNames.set(keyOf([namespace, service, protocol, String(port)]), name)
    }
  }

  /** Returns a service with the endpoints of its ports, where it has no selector. */
  complete(service: InventoryService): InventoryService {
    if (service.selector !== undefined) return service
    const { namespace, name } = service
    return {
      ...service,
      ports: service.ports.map((port) => {
        const { protocol } = port
        const portName = this.#portNames.get(keyOf([namespace, name, protocol, String(port.port)]))
        const endpoints = this.#byPort.get(keyOf([namespace, name, protocol, portName ?? '']))
        return endpoints === undefined ? port : { ...port, endpoints: distinct(endpoints) }
      }),
    }
  }
}

function distinct(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const byText = new Map(
    endpoints.map((endpoint) => [keyOf([endpoint.address, String(endpoint.port)]), endpoint]),
  )
  return [...byText.keys()].sort().flatMap((key) => byText.get(key) ?? [])
}

function keyOf(parts: readonly string[]): string {
  return parts.join('\0')
}
