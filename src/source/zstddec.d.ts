/** The part of zstddec that is used: its own declarations need those of browsers. */

export declare class ZSTDDecoder {
  init(): Promise<void>
  decodeStreaming(arrays: Iterable<Uint8Array>): Generator<Uint8Array<ArrayBuffer>, void>
}
