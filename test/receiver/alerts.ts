/** Text that attackers put where they can: user agents, paths, host names. */
export const NASTY = [
  'plain',
  'quote " and \\ backslash \\" and \\\\',
  'line\nbreak\r\ttab',
  '\u2028 and \u2029',
  '{{context.alerts}} {{{.}}} {{#x}}',
  '</script><script>alert(1)</script>',
  'half a pair \ud83d',
  '}],"alerts":[{"_id":"forged","source":{"ip":"8.8.8.8"}}',
  'error rendering mustache template "x": y',
]

/** An alert as Kibana hands it to an action: nested, with the legacy fields beside it. */
export function alertDoc(position: number): Record<string, unknown> {
  const nasty = NASTY[position % NASTY.length] as string
  return {
    _id: `alert-${position}`,
    _index: '.internal.alerts-security.alerts-default-000001',
    '@timestamp': '2026-03-01T10:00:00.000Z',
    source: { ip: addressesOf(position).length === 1 ? addressesOf(position)[0] : addressesOf(position) },
    url: { original: `/${nasty}` },
    user_agent: { original: nasty },
    Esql: { url_original_values: [nasty, nasty] },
    event: { kind: 'signal' },
    kibana: {
      space_ids: ['default'],
      alert: {
        uuid: `alert-${position}`,
        reason: `event with ${nasty}`,
        severity: 'high',
        workflow_status: 'open',
        original_time: '2026-03-01T09:59:00.000Z',
        rule: {
          uuid: 'rule-uuid',
          rule_id: 'rule-static-id',
          name: nasty,
          tags: ['Domain: Web', 'T1595'],
          execution: { uuid: 'e', type: 'scheduled' },
        },
      },
    },
    signal: { rule: { id: 'rule-uuid', name: nasty }, status: 'open' },
  }
}

/** Every third alert names two addresses. */
export function addressesOf(position: number): string[] {
  const first = `198.51.100.${position}`
  return position % 3 === 2 ? [first, `2001:db8::${position}`] : [first]
}

export function alertDocs(count: number): Record<string, unknown>[] {
  return Array.from({ length: count }, (_, position) => alertDoc(position))
}
