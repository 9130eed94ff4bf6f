"""How JavaScript and TypeScript are understood: blocks, values and clients."""
