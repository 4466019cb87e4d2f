/** Environment variables that Cog's server or Replicate set for a model. */
export const COG_VARIABLES = { prefix: /^(COG|REPLICATE)_/, name: 'Cog or Replicate' };
