"""Every query. `engine.Store` opens the database; each module beside it owns the queries of one noun.

Functions take a connection inside a transaction (`with store.write() as tx`), never open one: what must be atomic is
decided by the verbs.
"""

from incidents.store.engine import Store

__all__ = ["Store"]
