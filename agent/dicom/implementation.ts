/** Who wrote a file or opened an association (PS3.7 D.3.3.2). A 2.25 UID made once for this product. */
export const IMPLEMENTATION_CLASS_UID = '2.25.67010095563546449244163845901002898399';
/** At most 16 characters. */
export const IMPLEMENTATION_VERSION_NAME = 'CALCIDISC_1';
