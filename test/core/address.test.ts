import assert from 'node:assert/strict'
import { BlockList } from 'node:net'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { automaticBan, parseAddress, parseTerm } from '../../src/core/address.ts'

describe('reading the address of a suspect', () => {
  const reads = (text: string, canonical: string) =>
    it(`reads ${JSON.stringify(text)} as ${canonical}`, () => assert.equal(parseAddress(text)?.text, canonical))

  reads('203.0.113.9', '203.0.113.9')
  reads(' 203.0.113.9\n', '203.0.113.9')
  reads('203.0.113.9/32', '203.0.113.9')
  reads('10.0.0.5/24', '10.0.0.0/24')
  reads('0.0.0.0/0', '0.0.0.0/0')
  reads('255.255.255.255', '255.255.255.255')
  reads('2001:DB8:0:0:0:0:0:1', '2001:db8::1')
  reads('2001:db8::1/128', '2001:db8::1')
  reads('2001:db8:1:2:3:4:5:6/64', '2001:db8:1:2::/64')
  reads('1:0:0:2:0:0:0:3', '1:0:0:2::3')
  reads('0:0:1:1:1:0:0:1', '::1:1:1:0:0:1')
  reads('1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7')
  reads('::/0', '::/0')
  reads('::', '::')
  reads('::1.2.3.4', '::102:304')

  reads('::ffff:10.0.0.1', '10.0.0.1')
  reads('::FFFF:a00:1', '10.0.0.1')
  reads('0:0:0:0:0:ffff:10.0.0.1', '10.0.0.1')
  reads('::ffff:10.0.0.9/120', '10.0.0.0/24')
  reads('::ffff:0:0/96', '0.0.0.0/0')
  reads('64:ff9b::10.0.0.1', '10.0.0.1')
  reads('64:ff9b::a00:1', '10.0.0.1')
  reads('2002:a00:1::', '10.0.0.1')
  reads('2002:0a00:0001:1234::5', '10.0.0.1')
  reads('2002:a00::/24', '10.0.0.0/8')
  reads('2002::/16', '0.0.0.0/0')
  reads('::ffff:1.2.3.4/80', '::/80')
  reads('64:ff9b::1.2.3.4/64', '64:ff9b::/64')
  reads('2002::/15', '2002::/15')
})

describe('what is no address', () => {
  const refuses = (what: string, text: unknown) => it(`refuses ${what}`, () => assert.equal(parseAddress(text), null))

  refuses('an injection', '1.2.3.4) or (true')
  refuses('an injection behind a CIDR', '1.2.3.0/24} or ip.src in {0.0.0.0/0')
  refuses('two addresses', '1.2.3.4 5.6.7.8')
  refuses('two addresses with a comma', '1.2.3.4,5.6.7.8')
  refuses('a zone id', 'fe80::1%eth0')
  refuses('an octal part', '010.0.0.1')
  refuses('a hexadecimal part', '0x0a.0.0.1')
  refuses('a hexadecimal number', '0x0a000001')
  refuses('a decimal number', '167772161')
  refuses('a short form', '10.1')
  refuses('three parts', '10.0.1')
  refuses('five parts', '10.0.0.0.1')
  refuses('a part over 255', '10.0.0.256')
  refuses('an empty part', '10..0.1')
  refuses('a port', '10.0.0.1:80')
  refuses('brackets', '[2001:db8::1]')
  refuses('two compressions', '1::2::3')
  refuses('nine groups', '1:2:3:4:5:6:7:8:9')
  refuses('a group of five digits', '12345::')
  refuses('an IPv4 prefix over 32', '10.0.0.0/33')
  refuses('an IPv6 prefix over 128', '2001:db8::/129')
  refuses('a prefix with a leading zero', '10.0.0.0/08')
  refuses('a negative prefix', '10.0.0.0/-1')
  refuses('an empty prefix', '10.0.0.0/')
  refuses('two prefixes', '10.0.0.0/8/8')
  refuses('a netmask', '10.0.0.0/255.0.0.0')
  refuses('a range', '10.0.0.1..10.0.0.2')
  refuses('a host name', 'example.com')
  refuses('full-width digits', '１.2.3.4')
  refuses('a zero byte', '1.2.3.4\0')
  refuses('white space inside', '1.2. 3.4')
  refuses('nothing', '')
  refuses('a 10 kB string', '1'.repeat(10_000))
  refuses('an address after 10 kB of spaces', `${' '.repeat(10_000)}1.2.3.4`)
  refuses('an object', { toString: () => '1.2.3.4' })
  refuses('a list', ['1.2.3.4'])
  refuses('a number', 16_909_060)
  refuses('null', null)
  refuses('undefined', undefined)
})

describe('the extent of an address', () => {
  it('knows the first and the last address of a prefix', () => {
    const { family, prefix, first, last } = parseAddress('10.0.0.5/24') ?? assert.fail()
    assert.deepEqual({ family, prefix, first, last }, { family: 4, prefix: 24, first: 0x0a000000n, last: 0x0a0000ffn })
  })
  it('bans the /64 of an IPv6 host', () => {
    assert.equal(automaticBan(parseAddress('2001:db8:1:2:3:4:5:6') ?? assert.fail()).text, '2001:db8:1:2::/64')
  })
  it('bans the /64 of a longer prefix', () => {
    assert.equal(automaticBan(parseAddress('2001:db8:1:2:3::/80') ?? assert.fail()).text, '2001:db8:1:2::/64')
  })
  it('leaves a shorter prefix and IPv4 as they are', () => {
    assert.equal(automaticBan(parseAddress('2001:db8::/48') ?? assert.fail()).text, '2001:db8::/48')
    assert.equal(automaticBan(parseAddress('203.0.113.9') ?? assert.fail()).text, '203.0.113.9')
  })
})

describe('reading a term of the rule', () => {
  const reads = (text: string, canonical: string | null) =>
    it(`reads ${JSON.stringify(text)} as ${canonical}`, () => assert.equal(parseTerm(text)?.text ?? null, canonical))

  reads('1.2.3.4', '1.2.3.4')
  reads('1.2.3.4/32', '1.2.3.4')
  reads('2001:0DB8::/32', '2001:db8::/32')
  reads('::ffff:1.2.3.4', '::ffff:102:304')
  reads('64:ff9b::1.2.3.4', '64:ff9b::102:304')
  reads('2002:a00:1::/48', '2002:a00:1::/48')
  reads('198.51.100.3..198.51.100.7', '198.51.100.3..198.51.100.7')
  reads('2001:DB8::1..2001:db8::00ff', '2001:db8::1..2001:db8::ff')
  reads('1.1.1.1..1.1.1.1', '1.1.1.1..1.1.1.1')
  reads('1.1.1.2..1.1.1.1', null)
  reads('1.1.1.1..::1', null)
  reads('1.1.1.0/24..1.1.1.9', null)
  reads('1.1.1.1..', null)
  reads('..1.1.1.1', null)
  reads('1.1.1.1..1.1.1.2..1.1.1.3', null)
  reads(' 1.1.1.1', null)
  reads('1.1.1.1,', null)
  reads('$list', null)
  reads('', null)
  reads('1'.repeat(10_000), null)

  it('keeps an IPv4-mapped address in the family IPv6, as Cloudflare does', () => {
    assert.equal(parseTerm('::ffff:1.2.3.4')?.family, 6)
  })
})

describe('laws of addresses', () => {
  const network = fc.oneof(
    fc.tuple(fc.ipV4(), fc.option(fc.integer({ min: 0, max: 32 }))),
    fc.tuple(fc.ipV6(), fc.option(fc.integer({ min: 0, max: 128 }))),
  )
  const cidr = network.map(([host, prefix]) => (prefix === null ? host : `${host}/${prefix}`))

  it('reads every address and every CIDR', () => {
    fc.assert(fc.property(cidr, (text) => parseAddress(text) !== null && parseTerm(text) !== null))
  })
  it('reads canonical text as what it was written from', () => {
    fc.assert(
      fc.property(cidr, (text) => {
        const [address, term] = [parseAddress(text) ?? assert.fail(), parseTerm(text) ?? assert.fail()]
        assert.deepEqual(parseAddress(address.text), address)
        assert.deepEqual(parseTerm(address.text), address)
        assert.deepEqual(parseTerm(term.text), term)
      }),
    )
  })
  it("agrees with Node's own parser on which host it is", () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const list = new BlockList()
        list.addAddress(parseTerm(text)?.text ?? '', 'ipv6')
        return list.check(text, 'ipv6')
      }),
    )
  })
  it('never reads text with a character that addresses do not have', () => {
    const hostile = fc.tuple(fc.ipV4(), fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }), fc.boolean())
    fc.assert(
      fc.property(hostile, ([host, extra, before]) => {
        fc.pre(!/^[\s\d.:/a-f]*$/i.test(extra))
        return parseAddress(before ? extra + host : host + extra) === null
      }),
    )
  })
  it('gives nothing but plain characters, whatever arrives', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789abcfx:./% \t)(}{') }), cidr)
    fc.assert(fc.property(text, (arrived) => /^[\da-f:.]+(\/\d+)?$/.test(parseAddress(arrived)?.text ?? '0')))
  })
})
