//! Nothing here: each guest is one of the examples, because one package can have many of those.
