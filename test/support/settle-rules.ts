import type { Rule } from '../../src/ports.ts'

/** Two rules of somebody else's. */
export const F = { description: 'F', action: 'log', expression: 'ssl', enabled: true }
export const G = {
  description: 'G',
  action: 'skip',
  action_parameters: { ruleset: 'current' },
  expression: 'not ssl',
  enabled: true,
}

/** Somebody changes fields of the rule with this description. */
export const editing = (description: string, fields: Record<string, unknown>) => (rules: readonly Rule[]) =>
  rules.map((r) => (r.description === description ? { ...r, ...fields } : r))
