/** The query of a call without fal's token, the rest as it was spelled. */
export function withoutToken(query: string): string {
  if (!query.includes('fal_jwt_token=')) return query;
  const rest = query
    .slice(1)
    .split('&')
    .filter((pair) => !pair.startsWith('fal_jwt_token='));
  return rest.length > 0 ? `?${rest.join('&')}` : '';
}
