/** What the scanner asks of its host. */

@external("host", "learn")
export declare function learn(kind: u32, row: u32, text: usize, length: u32): void
@external("host", "plain")
export declare function plain(start: usize, length: u32, line: u32): void
@external("host", "full")
export declare function full(): void
