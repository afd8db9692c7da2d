package android.content

/** Stands for Android's, which a desktop does not have. */
class Context
