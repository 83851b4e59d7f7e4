/** Where in a JSON text a byte stands: how deep, in a string or not, and under which keys. */

const quote = 0x22
const comma = 0x2c
const colon = 0x3a
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

/** Levels of which kind and key are known; below only the depth is counted. */
const knownLevels = 128

/** Keys longer than this are not told apart. */
const maxKeyBytes = 16

/** Follows a JSON text byte by byte. It does not validate: whoever parses the record does. */
export class Brackets {
  private level = 0
  private isInText = false
  private isEscaped = false
  private last = 0
  private readonly isArray = new Uint8Array(knownLevels)
  private readonly keys: string[] = []
  private readonly text = new Uint8Array(maxKeyBytes)
  private textLength = 0

  /** How many brackets are open. */
  get depth(): number {
    return this.level
  }

  /** True between two quotes. */
  get inText(): boolean {
    return this.isInText
  }

  /** Keys of the open brackets, outermost first and joined by dots, `[]` for an element of an array. */
  get path(): string {
    return this.keys
      .slice(1, this.level)
      .map((key, index) => (this.isArray[index + 1] === 1 ? '[]' : key))
      .join('.')
  }

  /** True where a grammatical text may go on with an object on a line of its own; after a colon no printer does so. */
  get allowsObject(): boolean {
    const inArray = this.level >= knownLevels || this.isArray[this.level] === 1
    return inArray && (this.last === comma || this.last === openBracket)
  }

  /** Takes the next byte. */
  step(byte: number): void {
    if (this.isInText) this.stepText(byte)
    else if (byte === quote) this.openText()
    else if (byte === openBrace || byte === openBracket) this.open(byte)
    else if (byte === closeBrace || byte === closeBracket) this.level = Math.max(0, this.level - 1)
    else if (byte === colon) this.takeKey()
    if (byte > 0x20) this.last = byte
  }

  /** Goes on after a text that does not close, as if `depth` brackets were open. */
  resetTo(depth: number): void {
    this.level = depth
    this.isInText = false
    this.isEscaped = false
    this.last = 0
  }

  private stepText(byte: number): void {
    if (this.isEscaped) this.isEscaped = false
    else if (byte === backslash) this.isEscaped = true
    else if (byte === quote) this.isInText = false
    else if (this.textLength < maxKeyBytes) this.text[this.textLength] = byte
    if (this.isInText) this.textLength++
  }

  private openText(): void {
    this.isInText = true
    this.textLength = 0
  }

  private open(byte: number): void {
    this.level++
    if (this.level >= knownLevels) return
    this.isArray[this.level] = byte === openBracket ? 1 : 0
    this.keys[this.level] = ''
  }

  private takeKey(): void {
    if (this.level >= knownLevels || this.level === 0) return
    const length = this.textLength > maxKeyBytes ? 0 : this.textLength
    this.keys[this.level] = String.fromCharCode(...this.text.subarray(0, length))
  }
}
