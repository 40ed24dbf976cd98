"""An ERP that talks by files only: writes lists into a folder, imports voucher files from it, answers with acknowledgements."""
