//! The operations as scripts. Each is atomic, and keeps time by the server's clock.
//!
//! One hash for each name:
//!
//! | field | is |
//! |---|---|
//! | `e` `g` `x` | the sealed entry, its generation, and when it ends |
//! | `r` | the highest generation that was refused |
//! | `f` `o` `u` | the last fence, its owner (none in a pause), and until when the lease or pause lasts |
//!
//! The hash as a whole ends a minute after all that is in it.

/// Reads the hash, takes away what is none, and leaves out what is over or can't be: the bounds are those of
/// [`hallpass_shared::store`], and each comparison fails for what is no number. Numbers stay below
/// 2^53.
macro_rules! prelude {
    ($rest:literal) => {
        concat!(
            r"
local key = KEYS[1]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local h = redis.pcall('HMGET', key, 'e', 'g', 'x', 'r', 'f', 'o', 'u')
if h.err then
  if not string.find(h.err, 'WRONGTYPE', 1, true) then return h end
  redis.call('DEL', key)
  h = {}
end
local function number(value)
  return tonumber(value or '0') or 0
end
local function granted(value)
  local n = number(value)
  if n > 0 and n <= now + 86400000 then return math.floor(n) end
  return 0
end
local e, g, x, r, f, o, u = h[1], granted(h[2]), number(h[3]), granted(h[4]), granted(h[5]), h[6], number(h[7])
local longest_life = 31622400000
if not (e and g > 0 and x > now and x <= now + longest_life) then e = ''; g = 0; x = now end
if not (u <= now + 60000) then u = 0 end
local function text(n) return string.format('%.0f', n) end
local function keep(till)
  till = till + 60000
  local left = redis.call('PTTL', key)
  if left < 0 or now + left < till then redis.call('PEXPIREAT', key, text(till)) end
end
local function snapshot(kind) return {kind, e, g, x - now, r} end
",
            $rest
        )
    };
}

/// `{0, entry, generation, left, refused}`.
pub(crate) const GET: &str = prelude!("return snapshot(0)");

/// Arguments: owner, term, newer than, refused, seen. Answers a snapshot of kind 0, or `{1, fence,
/// now, generation}`, or `{2, left}` for another's lease, or `{3, left}` for a pause.
pub(crate) const LEASE: &str = prelude!(
    r"
local owner, term, newer, refused, seen = ARGV[1], number(ARGV[2]), number(ARGV[3]), granted(ARGV[4]), granted(ARGV[5])
if refused > r then
  r = refused
  redis.call('HSET', key, 'r', text(r))
  keep(math.max(now, x))
end
local live = u > now
if live and o == owner then
  redis.call('HSET', key, 'u', text(now + term))
  keep(now + term)
  return {1, f, now, g}
end
if g > newer and g > r then return snapshot(0) end
if live then
  if o then return {2, u - now} end
  return {3, u - now}
end
f = math.max(now, f + 1, g + 1, r + 1, seen + 1)
redis.call('HSET', key, 'f', text(f), 'o', owner, 'u', text(now + term))
keep(now + term)
return {1, f, now, g}
"
);

/// Arguments: fence, `e` or `f`, the sealed entry or the pause, when it ends, the channel, the name.
/// Answers `{1}`, or a snapshot of kind 0 if it is refused.
pub(crate) const PUBLISH: &str = prelude!(
    r"
local fence, kind, ends = number(ARGV[1]), ARGV[2], number(ARGV[4])
if fence == 0 or f ~= fence or g >= fence or (kind == 'e' and ends <= now) then return snapshot(0) end
if kind == 'e' then
  ends = math.min(ends, now + longest_life)
  redis.call('HSET', key, 'e', ARGV[3], 'g', text(fence), 'x', text(ends), 'u', text(now))
  keep(ends)
else
  redis.call('HSET', key, 'u', text(now + number(ARGV[3])))
  keep(now + number(ARGV[3]))
end
redis.call('HDEL', key, 'o')
if kind == 'e' then redis.pcall('PUBLISH', ARGV[5], ARGV[6] .. ' ' .. text(fence)) end
return {1}
"
);
