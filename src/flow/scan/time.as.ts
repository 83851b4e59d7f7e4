/** Times, as Hubble writes them. */

let dayText: u64 = 0
let dayText2: u32 = 0
export let dayMs: i64 = 0

// @ts-ignore: decorator
@inline
function two(p: usize): u32 {
  const a = u32(load<u8>(p)) - 0x30
  const b = u32(load<u8>(p + 1)) - 0x30
  return a < 10 && b < 10 ? a * 10 + b : 1000
}

/** The minute that was read last, as text and in milliseconds of its day. */
let minuteText: u64 = 0
let minuteMs: u32 = 0

/** Where the time ends that was read last: at its quote. */
export let timeEnd: usize = 0

/** Returns the milliseconds of the time at `p`, up to its quote; 0 for one that is spelled or counted in another way. */
export function timeAt(p: usize): i64 {
  if (load<u64>(p) != dayText || (load<u32>(p + 8) & 0xffffff) != dayText2) {
    if (!readDay(p)) return 0
  }
  // Hours and minutes, each with its colon.
  const text = load<u64>(p + 11) & 0xffffffffffff
  if (text != minuteText && !readMinute(p, text)) return 0
  const second = two(p + 17)
  if (second > 59) return 0
  let ms: u32 = 0
  let at = p + 19
  if (load<u8>(at) == 0x2e) {
    const v = i8x16.sub(v128.load(at + 1), i8x16.splat(0x30))
    const digits = ctz(i8x16.bitmask(i8x16.gt_u(v, i8x16.splat(9))) | 0x400)
    if (digits == 0 || digits > 9) return 0
    ms = u32(i8x16.extract_lane_u(v, 0)) * 100
    if (digits > 1) ms += u32(i8x16.extract_lane_u(v, 1)) * 10
    if (digits > 2) ms += u32(i8x16.extract_lane_u(v, 2))
    at += 1 + digits
  }
  if (load<u16>(at) != 0x225a) return 0
  timeEnd = at + 1
  return dayMs + i64(minuteMs + second * 1000 + ms)
}

function readMinute(p: usize, text: u64): bool {
  const hour = two(p + 11)
  const minute = two(p + 14)
  if (hour > 23 || minute > 59) return false
  if (load<u8>(p + 13) != 0x3a || load<u8>(p + 16) != 0x3a) return false
  minuteMs = hour * 3_600_000 + minute * 60_000
  minuteText = text
  return true
}

function readDay(p: usize): bool {
  const century = two(p)
  const year = two(p + 2)
  const month = two(p + 5)
  const day = two(p + 8)
  if (century > 99 || year > 99 || month < 1 || month > 12 || day < 1) return false
  if (load<u8>(p + 4) != 0x2d || load<u8>(p + 7) != 0x2d || load<u8>(p + 10) != 0x54) return false
  const y = i32(century * 100 + year)
  // The first days of 1970 are left to the host: no time is 0.
  if (y < 1971) return false
  const isLeap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0
  let last: u32 = 31
  if (month == 4 || month == 6 || month == 9 || month == 11) last = 30
  else if (month == 2) last = isLeap ? 29 : 28
  if (day > last) return false
  // Days since 1970-01-01 of the Gregorian calendar, in years that begin in March.
  const shifted = month <= 2 ? y - 1 : y
  const era = shifted / 400
  const yearOfEra = shifted - era * 400
  const dayOfYear = i32((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1)
  const dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
  dayMs = i64(era * 146097 + dayOfEra - 719468) * 86_400_000
  dayText = load<u64>(p)
  dayText2 = load<u32>(p + 8) & 0xffffff
  return true
}
